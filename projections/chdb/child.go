package chdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// inherited are the only names of the parent's environment that the child gets. Keys and DSNs stay where they are.
var inherited = []string{"PATH", "HOME", "TMPDIR"}

// child is one run of the child process.
type child struct {
	pid    int
	gone   chan struct{} // closed when the process has ended and was waited for
	err    error         // why, once gone is closed
	hangUp func()        // closes the pipe that tells the child that its parent lives
	kill   func()
}

// startChild starts the command with nothing of this process but the pipe and four names of its environment.
func startChild(cmd *exec.Cmd, library string, log zerolog.Logger) (*child, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("chdb: start: %w", err)
	}
	cmd.Env = []string{LibraryEnv + "=" + library}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	lines := &lineLogger{log: log}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, lines, lines
	cmd.ExtraFiles = []*os.File{reader} // file descriptor 3
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second // for what the child may have started and that holds its standard error open

	c := &child{gone: make(chan struct{}), hangUp: sync.OnceFunc(func() { _ = writer.Close() })}
	c.kill = func() { _ = cmd.Process.Kill() } // it fails when the process is gone, which is what is wanted
	started := make(chan error, 1)
	go func() {
		// The kernel kills the child when the thread that started it ends, so this one has to last as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = reader.Close() // the child has its own
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		if c.err == nil {
			c.err = errors.New("it ended by itself")
		}
		c.hangUp()
		lines.flush()
		close(c.gone)
	}()
	if err := <-started; err != nil {
		c.hangUp()
		return nil, fmt.Errorf("chdb: start: %w", err)
	}
	c.pid = cmd.Process.Pid
	return c, nil
}

// group keeps signals of the terminal from the child: Ctrl-C reaches the parent, which ends the child in its turn.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// maxLine bounds a line of the child's standard error: the engine can write a stack trace or a whole statement.
const maxLine = 16 << 10

// lineLogger logs what the child writes, a line at a time.
type lineLogger struct {
	log  zerolog.Logger
	rest []byte
}

func (l *lineLogger) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n') + 1
		if end == 0 || end > maxLine {
			if len(l.rest) < maxLine {
				return len(p), nil
			}
			end = maxLine
		}
		l.line(string(l.rest[:end]))
		l.rest = l.rest[end:]
	}
}

func (l *lineLogger) flush() {
	l.line(string(l.rest))
	l.rest = nil
}

func (l *lineLogger) line(text string) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "?"))
	if text == "" {
		return
	}
	// The child's own log comes as JSON, at its own levels; the engine's words come as they are.
	var own struct{ Level, Message string }
	if json.Unmarshal([]byte(text), &own) == nil {
		if level, err := zerolog.ParseLevel(own.Level); err == nil {
			l.log.WithLevel(level).RawJSON("readmodel", []byte(text)).Msg(own.Message)
			return
		}
	}
	l.log.Warn().Str("from", "readmodel").Msg(text)
}
