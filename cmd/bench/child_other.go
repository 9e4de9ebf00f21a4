//go:build !linux

package main

import "syscall"

// diesWithParent is only there on Linux.
func diesWithParent() *syscall.SysProcAttr { return nil }
