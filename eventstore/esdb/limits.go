package esdb

import (
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

const (
	// maxKeyNameBytes leaves room for the prefix in the stream's name.
	maxKeyNameBytes = eventstore.MaxStreamNameBytes - len(keyStreamPrefix)
	// maxKeyBytes is what esdbserver takes; a wrapped key has less than 100.
	maxKeyBytes = 32 << 10
)

// checkAppend is ErrInvalid or ErrTooLarge when no engine may accept the call. The server has limits of its own; these
// are the contract's, and hold whatever the server's are.
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
	var seen map[uuid.UUID]struct{}
	if len(events) > 1 {
		seen = make(map[uuid.UUID]struct{}, len(events))
	}
	for i := range events {
		e := &events[i]
		if e.ID == uuid.Nil {
			return fmt.Errorf("%w: append to %s: event %d has no id", eventstore.ErrInvalid, stream, i)
		}
		if _, twice := seen[e.ID]; twice {
			return fmt.Errorf("%w: append to %s: event id %s twice", eventstore.ErrInvalid, stream, e.ID)
		}
		if seen != nil {
			seen[e.ID] = struct{}{}
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
	return nil
}

// checkStream is ErrInvalid unless the name is one for a stream of ours: those of EventStoreDB and of the key store are
// not.
func checkStream(stream string) error {
	if len(stream) > eventstore.MaxStreamNameBytes {
		return fmt.Errorf("%w: a stream name of %d bytes, at most %d", eventstore.ErrInvalid, len(stream),
			eventstore.MaxStreamNameBytes)
	}
	if isKeyStream(stream) {
		return fmt.Errorf("%w: the stream %q belongs to the key store", eventstore.ErrInvalid, stream)
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
