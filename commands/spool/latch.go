package spool

import (
	"fmt"
	"sync"
)

// latch closes with the first failed write, and never opens again. Pebble gives up on such a failure with a panic, or by calling
// Fatalf, while it holds its own locks, and would let every later call wait for them; so no later call is made, and whoever
// waits for this one is let go. A disk that has room again is noticed by opening the spool again, which a restart does.
type latch struct {
	once    sync.Once
	tripped chan struct{}
	mu      sync.Mutex
	cause   string
}

func newLatch() *latch { return &latch{tripped: make(chan struct{})} }

// guard does the write, and stops waiting for it when the latch closes. Errors: ErrFailed, and the write's own.
func (l *latch) guard(write func() error) error {
	select {
	case <-l.tripped:
		return l.err()
	default:
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				l.trip(fmt.Sprint(cause))
			}
		}()
		done <- write()
	}()
	select {
	case err := <-done:
		return err
	case <-l.tripped:
		return l.err()
	}
}

func (l *latch) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Errorf("%w: %s", ErrFailed, l.cause)
}

// Infof drops Pebble's diary.
func (l *latch) Infof(string, ...any) {}

// Errorf drops what comes back from the calls as well.
func (l *latch) Errorf(string, ...any) {}

// Fatalf closes the latch. It does not return.
func (l *latch) Fatalf(format string, args ...any) {
	l.trip(fmt.Sprintf(format, args...))
	select {}
}

func (l *latch) trip(cause string) {
	l.once.Do(func() {
		l.mu.Lock()
		l.cause = cause
		l.mu.Unlock()
		close(l.tripped)
	})
}
