package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopWithin is how long a child has to end when it is told to.
const stopWithin = 30 * time.Second

// childOptions are what a child is started with.
type childOptions struct {
	Path string
	Args []string
	// Env is added to the environment.
	Env []string
	Dir string
	// Log takes what it prints, unless Pipes connects its input and output to this process.
	Log   *os.File
	Pipes bool
}

// child is a process that this one has started and ends.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   io.Reader
	leave chan struct{} // closed when the pipes are done with; nil without any
	ended chan struct{}
	err   error // read after ended
}

func startChild(o childOptions) (*child, error) {
	cmd := exec.Command(o.Path, o.Args...) //nolint:gosec,noctx // our own programs; stop ends them
	cmd.Env, cmd.Dir = append(os.Environ(), o.Env...), o.Dir
	cmd.SysProcAttr = diesWithParent()
	c := &child{cmd: cmd, ended: make(chan struct{})}
	if o.Pipes {
		var err error
		cmd.Stderr = os.Stderr
		if c.in, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
		if c.out, err = cmd.StdoutPipe(); err != nil {
			return nil, err
		}
	} else {
		cmd.Stdout, cmd.Stderr = o.Log, o.Log
	}
	started := make(chan error, 1)
	go c.hold(started, o.Pipes)
	return c, <-started
}

// hold starts the process and waits for it on one thread: the kernel ends the process with the thread that started it.
func (c *child) hold(started chan<- error, pipes bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	if err == nil && pipes {
		c.leave = make(chan struct{})
	}
	started <- err
	if err != nil {
		return
	}
	if c.leave != nil {
		<-c.leave // Wait would close the pipes under who reads them
	}
	c.err = c.cmd.Wait()
	close(c.ended)
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop ends the child in order, by force when it takes too long. The error tells how it ended otherwise.
func (c *child) stop() error {
	select {
	case <-c.ended:
		return nil // it was stopped before, or ended by itself, which whoever used it has noticed
	default:
	}
	if c.in != nil {
		_ = c.in.Close()
		close(c.leave)
	} else {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-c.ended:
	case <-time.After(stopWithin):
		_ = c.cmd.Process.Kill()
		<-c.ended
		return fmt.Errorf("%s did not end within %s and was killed", c.cmd.Path, stopWithin)
	}
	var exit *exec.ExitError
	if errors.As(c.err, &exit) {
		return fmt.Errorf("%s: %w", c.cmd.Path, exit)
	}
	return nil
}
