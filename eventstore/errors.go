package eventstore

import (
	"errors"
	"fmt"
)

// The kinds of failure of a store, for errors.Is.
var (
	// ErrWrongRevision: the stream is not at the expected revision.
	ErrWrongRevision = errors.New("wrong expected revision")
	// ErrStreamNotFound: the stream has no events.
	ErrStreamNotFound = errors.New("stream not found")
	// ErrUnavailable: the store can't be reached, is full or read-only; nothing acknowledged is lost.
	ErrUnavailable = errors.New("event store unavailable")
	// ErrTooLarge: the append passes MaxAppendBytes or MaxAppendEvents.
	ErrTooLarge = errors.New("append too large")
	// ErrInvalid: the call itself is wrong (empty stream name, duplicate ids in one append …).
	ErrInvalid = errors.New("invalid event store call")
	// ErrClosed: the store or subscription was closed.
	ErrClosed = errors.New("event store closed")
	// ErrCorrupt: the log contradicts itself; the message names the place.
	ErrCorrupt = errors.New("event store corrupt")
)

// WrongRevisionError is an ErrWrongRevision with the two revisions.
type WrongRevisionError struct {
	Stream   string
	Expected Revision
	// Actual is the stream's newest revision, NoStream if it has no events.
	Actual Revision
}

// Error tells the stream and both revisions.
func (e *WrongRevisionError) Error() string {
	return fmt.Sprintf("append to %s: expected revision %d, is %d", e.Stream, e.Expected, e.Actual)
}

// Is makes errors.Is(err, ErrWrongRevision) true.
func (e *WrongRevisionError) Is(target error) bool { return target == ErrWrongRevision }
