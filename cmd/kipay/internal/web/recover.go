package web

import (
	"fmt"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
)

// guarded runs the rest of the chain and turns a panic into an error, which answers 500; the stack goes to the log.
func (s *Server) guarded(c *fiber.Ctx, x *exchange) (err error) {
	defer func() {
		if v := recover(); v != nil {
			x.stack = debug.Stack()
			if cause, ok := v.(error); ok {
				err = &panicError{cause: fmt.Errorf("panic: %w", cause)}
				return
			}
			err = &panicError{cause: fmt.Errorf("panic: %v", v)}
		}
	}()
	return s.enter(c, x)
}

// panicError hides the chain of what was panicked with: it is a 500 even when that was a domain.Error.
type panicError struct{ cause error }

// Error is the panic's value, for the log.
func (e *panicError) Error() string { return e.cause.Error() }
