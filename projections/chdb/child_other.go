//go:build !linux

package chdb

import "syscall"

// childAttributes: elsewhere the pipe alone tells the child that its parent is gone.
func childAttributes() *syscall.SysProcAttr { return group() }
