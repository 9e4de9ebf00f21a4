package transparency

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// The kinds of failure, for errors.Is.
var (
	// ErrDamaged: the files of the tree contradict themselves. They are built again from the log.
	ErrDamaged = errors.New("the tree's files are damaged")
	// ErrOtherLog: the tree's files were built from another log than the one that is followed, or the log was changed.
	ErrOtherLog = errors.New("the tree was built from another log")
	// ErrHistory: the log is not what was signed (*HistoryError).
	ErrHistory = errors.New("history was changed")
	// ErrBehind: the tree here has not come as far as the newest head.
	ErrBehind = errors.New("the tree is behind the newest head")
	// ErrTooLarge: what is asked for has too many events or bytes for one receipt.
	ErrTooLarge = errors.New("too large for a receipt")
	// ErrNotFound: there is nothing under that path.
	ErrNotFound = errors.New("not found")
	// ErrCheckpoint: the text is no checkpoint, or none that the keys vouch for.
	ErrCheckpoint = errors.New("not a valid checkpoint")
	// ErrKey: the text is no verifier key.
	ErrKey = errors.New("not a verifier key")
)

// HistoryError is an ErrHistory with what was signed and what is there.
type HistoryError struct {
	// Size is how many leaves the signed tree has; Signed is its root, Now that of the log's first Size leaves.
	Size        int64
	Signed, Now tlog.Hash
	// Have is how many leaves the log has, less than Size when events are missing; then Now is none.
	Have int64
}

// Error tells both.
func (e *HistoryError) Error() string {
	if e.Have < e.Size {
		return fmt.Sprintf("%v: a head over %d events was signed, the log has %d", ErrHistory, e.Size, e.Have)
	}
	return fmt.Sprintf("%v: the first %d events were signed with root %s, now they have %s", ErrHistory, e.Size, e.Signed, e.Now)
}

// Is makes errors.Is(err, ErrHistory) true.
func (e *HistoryError) Is(target error) bool { return target == ErrHistory }
