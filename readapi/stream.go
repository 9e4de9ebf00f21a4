package readapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

const (
	// streamHold is how much of an answer is held back: what is no longer is sent as a whole, and until then an error can be
	// answered as one.
	streamHold = 64 << 10
	// maxStream bounds how long an answer may take altogether, streamStall how long its reader may take nothing.
	maxStream   = 15 * time.Minute
	streamStall = time.Minute
)

// stream answers what write writes, of any size. An error after the first bytes breaks the connection off, so that nobody takes
// half an answer for a whole one.
func stream(c *fiber.Ctx, write func(context.Context, io.Writer) error) error {
	// Longer than requests may take, but no longer than the server.
	request := c.UserContext()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(request), maxStream)
	stop := context.AfterFunc(request, func() {
		if !errors.Is(context.Cause(request), context.DeadlineExceeded) {
			cancel()
		}
	})
	end := func() {
		stop()
		cancel()
	}
	from, to := io.Pipe()
	held := &heldWriter{to: to, full: make(chan struct{})}
	done := make(chan error, 1)
	go func() { // ends when write does, which ends with ctx, or when nobody reads what it writes
		err := guarded(ctx, held, write)
		_ = to.CloseWithError(err)
		done <- err
	}()
	select {
	case err := <-done:
		if !held.spilled {
			end()
			var known *domain.Error
			switch {
			case errors.As(err, &known), errors.As(err, new(*panicError)):
				return err
			case err != nil:
				return away(c, err)
			}
			return c.Send(held.head)
		}
	case <-held.full:
	}
	c.Context().SetBodyStream(&pipedBody{PipeReader: from, conn: c.Context().Conn(), end: end}, -1)
	return nil
}

// guarded is write's error, or what it panicked with: the server catches that in the request's own goroutine only, and one answer
// must not end the process.
func guarded(ctx context.Context, w io.Writer, write func(context.Context, io.Writer) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return write(ctx, w)
}

// panicError is what a writer panicked with, and where.
type panicError struct {
	value any
	stack []byte
}

// Error is the value with the stack, for the log.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// heldWriter holds the first bytes back and writes them to a pipe when there are more.
type heldWriter struct {
	to      *io.PipeWriter
	head    []byte
	spilled bool
	full    chan struct{}
}

func (h *heldWriter) Write(p []byte) (int, error) {
	if !h.spilled {
		if len(h.head)+len(p) <= streamHold {
			h.head = append(h.head, p...)
			return len(p), nil
		}
		h.spilled = true
		close(h.full)
		if _, err := h.to.Write(h.head); err != nil {
			return 0, err
		}
		h.head = nil
	}
	return h.to.Write(p)
}

// pipedBody is the rest of an answer. Each read gives the client as long again to take it.
type pipedBody struct {
	*io.PipeReader
	conn net.Conn
	end  func()
}

func (b *pipedBody) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if b.conn != nil && n > 0 {
		_ = b.conn.SetWriteDeadline(time.Now().Add(streamStall)) // a connection that is gone fails the write
	}
	return n, err
}

// Close tells the writer that nobody reads any more.
func (b *pipedBody) Close() error {
	b.end()
	return b.PipeReader.Close()
}
