package main

import "syscall"

// diesWithParent has the kernel end the child when this process dies without ending it.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
