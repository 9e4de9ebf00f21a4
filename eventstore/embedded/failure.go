package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/benfex/kipay/eventstore"
)

// failure is the latch that the first failed write closes. It never opens again: what a disk holds after a failed
// sync is only known after the folder was read again from the start.
type failure struct {
	once sync.Once
	err  atomic.Pointer[error]
	// tripped is closed once err is set.
	tripped chan struct{}
	logf    func(format string, args ...any)
}

func newFailure(logf func(string, ...any)) *failure {
	return &failure{tripped: make(chan struct{}), logf: logf}
}

// fail latches the store as failed while doing what op says. Only the first call counts.
func (f *failure) fail(op string, cause error) {
	f.once.Do(func() {
		err := fmt.Errorf("%w: %s; nothing acknowledged is lost, appends are refused until the store is opened again: %w",
			eventstore.ErrUnavailable, reason(op, cause), cause)
		f.err.Store(&err)
		close(f.tripped)
		f.logf("the event store stopped taking appends: %v", err)
	})
}

// Err is the failure, nil while the store is healthy.
func (f *failure) Err() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

// reason says in an operator's words why a write failed.
func reason(op string, cause error) string {
	switch {
	case errors.Is(cause, syscall.ENOSPC), errors.Is(cause, syscall.EDQUOT):
		return "the disk is full (" + op + ")"
	case errors.Is(cause, syscall.EFBIG):
		return "the limit on file sizes is reached (" + op + ")"
	case errors.Is(cause, syscall.EROFS):
		return "the file system is read-only (" + op + ")"
	case errors.Is(cause, fs.ErrPermission):
		return "the folder can't be written to (" + op + ")"
	case errors.Is(cause, syscall.EIO):
		return "the disk reports an I/O error (" + op + ")"
	default:
		return "a write failed (" + op + ")"
	}
}

// readError wraps what Pebble answers to a read into ErrCorrupt or ErrUnavailable.
func readError(what string, err error) error {
	if err == nil || errors.Is(err, eventstore.ErrCorrupt) {
		return err
	}
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %s: %w", eventstore.ErrCorrupt, what, plainly(err))
	}
	return fmt.Errorf("%w: %s: %w", eventstore.ErrUnavailable, what, err)
}

// plainly is Pebble's error of a damaged file without what it carries about for programs, which reads as nonsense, and with the
// file's name.
func plainly(err error) error {
	info := pebble.ExtractDataCorruptionInfo(err)
	if info == nil {
		return err
	}
	return fmt.Errorf("%s: %w", filepath.Base(info.Path), info.Details)
}
