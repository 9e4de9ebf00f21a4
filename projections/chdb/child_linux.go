package chdb

import "syscall"

// childAttributes let the kernel kill the child with its parent. The pipe does so as well, but not for a child that is
// stopped or wedged and reads nothing.
func childAttributes() *syscall.SysProcAttr {
	attributes := group()
	attributes.Pdeathsig = syscall.SIGKILL
	return attributes
}
