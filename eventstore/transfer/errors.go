package transfer

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// The kinds of failure, for errors.Is.
var (
	// ErrFormat: the file is none of ours, or of a newer version.
	ErrFormat = errors.New("not a file of this format")
	// ErrCutOff: the file ends before its trailer.
	ErrCutOff = errors.New("the file is cut off")
	// ErrDamaged: the file is not as it was written.
	ErrDamaged = errors.New("the file is damaged")
	// ErrSeal: the trailer was not sealed under this master key: another install's file, or one that somebody changed.
	ErrSeal = errors.New("the file was not sealed under this master key")
	// ErrOtherStore: the file that is to be carried on was not written from this store.
	ErrOtherStore = errors.New("the file was exported from another event store")
	// ErrMismatch: the keys and the events are of different exports.
	ErrMismatch = errors.New("the keys don't belong to these events")
	// ErrIdentity: the keys are encrypted to somebody else.
	ErrIdentity = errors.New("no identity opens the keys")
	// ErrMasterKey: a key is wrapped by another master key.
	ErrMasterKey = errors.New("the master key does not open the keys")
	// ErrKeyConflict: the target has another key under the same name.
	ErrKeyConflict = errors.New("the target has another key of that name")
	// ErrConflict: the target holds other events than the file (*ConflictError).
	ErrConflict = errors.New("the target holds other events")
	// ErrOrder: the target took events in another order than they were given.
	ErrOrder = errors.New("the target did not keep the order")
)

// ConflictError is an ErrConflict with the place where target and file part.
type ConflictError struct {
	// Stream and Revision are where the target differs from the file.
	Stream   string
	Revision eventstore.Revision
	// ID is the event that the file has there, or uuid.Nil when it has none there.
	ID uuid.UUID
	// Reason says what is different.
	Reason string
	// Same is how many events were the same before that, Imported how many of the file were written by this import. They stay.
	Same, Imported uint64
}

// Error tells the place, and what stays.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: %s at revision %d: %s (%d events before it are the same; %d were imported now and stay)",
		ErrConflict, e.Stream, e.Revision, e.Reason, e.Same, e.Imported)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
