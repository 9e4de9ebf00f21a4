package main_test

import (
	"os/exec"
	"syscall"
)

// dieWithTest ends the process when the test's own process ends, however it ends.
func dieWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
