package embedded

import (
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

const (
	// maxGroupAppends and maxGroupBytes bound what one Pebble batch holds: a group larger than half a memtable would make
	// Pebble begin a new one.
	maxGroupAppends = 1024
	maxGroupBytes   = 4 << 20
	// maxQueuedAppends and maxQueuedBytes bound what waits for the committer. Further appends wait to get in.
	maxQueuedAppends = 8192
	maxQueuedBytes   = 64 << 20
	// maxGroupsInFlight bounds the groups that wait for their sync.
	maxGroupsInFlight = 128
	// maxBatchEvents and maxBatchBytes bound what a subscription delivers at once (one event at least).
	maxBatchEvents = 512
	maxBatchBytes  = 1 << 20
	// maxKeyNameBytes and maxKeyBytes bound a key of the key store.
	maxKeyNameBytes = 512
	maxKeyBytes     = 64 << 10
)

// checkAppend is ErrInvalid or ErrTooLarge when no engine may accept the call.
func checkAppend(stream string, expected eventstore.Revision, events []eventstore.NewEvent) error {
	if err := checkStream(stream); err != nil {
		return err
	}
	if expected < eventstore.AnyRevision {
		return fmt.Errorf("%w: append to %s: expected revision %d", eventstore.ErrInvalid, stream, expected)
	}
	if len(events) > eventstore.MaxAppendEvents {
		return fmt.Errorf("%w: append to %s: %d events, at most %d", eventstore.ErrTooLarge, stream, len(events),
			eventstore.MaxAppendEvents)
	}
	total := 0
	for i := range events {
		e := &events[i]
		if e.ID == uuid.Nil {
			return fmt.Errorf("%w: append to %s: event %d has no id", eventstore.ErrInvalid, stream, i)
		}
		if err := checkText("event type", e.Type); err != nil {
			return fmt.Errorf("append to %s: event %d: %w", stream, i, err)
		}
		total += len(e.Type) + len(e.Data) + len(e.Metadata)
	}
	if total > eventstore.MaxAppendBytes {
		return fmt.Errorf("%w: append to %s: %d bytes, at most %d", eventstore.ErrTooLarge, stream, total,
			eventstore.MaxAppendBytes)
	}
	return checkIDs(stream, events)
}

// checkIDs is ErrInvalid when two events of one append share an id.
func checkIDs(stream string, events []eventstore.NewEvent) error {
	const few = 16
	if len(events) <= few {
		for i := range events {
			for j := range i {
				if events[i].ID == events[j].ID {
					return duplicateID(stream, events[i].ID)
				}
			}
		}
		return nil
	}
	seen := make(map[uuid.UUID]struct{}, len(events))
	for i := range events {
		if _, twice := seen[events[i].ID]; twice {
			return duplicateID(stream, events[i].ID)
		}
		seen[events[i].ID] = struct{}{}
	}
	return nil
}

func duplicateID(stream string, id uuid.UUID) error {
	return fmt.Errorf("%w: append to %s: event id %s twice", eventstore.ErrInvalid, stream, id)
}

// checkStream is ErrInvalid unless the name is one that both engines take for a stream of ours. Names with a leading
// `$` are EventStoreDB's own.
func checkStream(stream string) error {
	if len(stream) > eventstore.MaxStreamNameBytes {
		return fmt.Errorf("%w: a stream name of %d bytes, at most %d", eventstore.ErrInvalid, len(stream),
			eventstore.MaxStreamNameBytes)
	}
	return checkText("stream name", stream)
}

func checkText(what, text string) error {
	if text == "" {
		return fmt.Errorf("%w: the %s is empty", eventstore.ErrInvalid, what)
	}
	if text[0] == '$' {
		return fmt.Errorf("%w: the %s %q begins with $, which is the engine's own", eventstore.ErrInvalid, what, text)
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return fmt.Errorf("%w: the %s %q holds a control character", eventstore.ErrInvalid, what, text)
		}
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: the %s %q is not UTF-8", eventstore.ErrInvalid, what, text)
	}
	return nil
}

// checkKeyName is ErrInvalid unless the key store takes the name.
func checkKeyName(name string) error {
	if len(name) > maxKeyNameBytes {
		return fmt.Errorf("%w: a key name of %d bytes, at most %d", eventstore.ErrInvalid, len(name), maxKeyNameBytes)
	}
	return checkText("key name", name)
}

func checkKey(name string, wrapped []byte) error {
	if err := checkKeyName(name); err != nil {
		return err
	}
	if len(wrapped) == 0 || len(wrapped) > maxKeyBytes {
		return fmt.Errorf("%w: key %s is %d bytes, must be 1 to %d", eventstore.ErrInvalid, name, len(wrapped), maxKeyBytes)
	}
	return nil
}
