package storetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

func limitsTooLarge(t *testing.T, h Harness) {
	big := event("big")
	big.Data = bytes.Repeat([]byte("x"), eventstore.MaxAppendBytes+1)
	half, other := event("half"), event("other")
	half.Data = bytes.Repeat([]byte("x"), eventstore.MaxAppendBytes/2+1)
	other.Metadata = half.Data
	for name, all := range map[string][]eventstore.NewEvent{
		"data": {big}, "together": {half, other}, "many": events(eventstore.MaxAppendEvents+1, "e"),
	} {
		if _, err := h.Store.Append(deadline(t), "order-1", eventstore.NoStream, all...); !errors.Is(err, eventstore.ErrTooLarge) {
			t.Fatalf("%s: %v, want too large", name, err)
		}
	}
	if at := head(t, h.Store); at != 0 {
		t.Fatalf("head is %d", at)
	}
}

func limitsInvalid(t *testing.T, h Harness) {
	good := event("good")
	noID, noType, twin := event("no id"), event("no type"), event("twin")
	noID.ID, noType.Type, twin.ID = uuid.Nil, "", good.ID
	for name, call := range map[string]struct {
		stream   string
		expected eventstore.Revision
		events   []eventstore.NewEvent
	}{
		"empty name":        {"", eventstore.NoStream, []eventstore.NewEvent{good}},
		"long name":         {strings.Repeat("n", eventstore.MaxStreamNameBytes+1), eventstore.NoStream, []eventstore.NewEvent{good}},
		"name with NUL":     {"order-\x001", eventstore.NoStream, []eventstore.NewEvent{good}},
		"name with newline": {"order-\n1", eventstore.NoStream, []eventstore.NewEvent{good}},
		"name not UTF-8":    {"order-\xff", eventstore.NoStream, []eventstore.NewEvent{good}},
		"system name":       {"$all", eventstore.NoStream, []eventstore.NewEvent{good}},
		"no event id":       {"order-1", eventstore.NoStream, []eventstore.NewEvent{noID}},
		"no event type":     {"order-1", eventstore.NoStream, []eventstore.NewEvent{noType}},
		"id twice":          {"order-1", eventstore.NoStream, []eventstore.NewEvent{good, twin}},
		"no such revision":  {"order-1", -3, []eventstore.NewEvent{good}},
	} {
		if _, err := h.Store.Append(deadline(t), call.stream, call.expected, call.events...); !errors.Is(err, eventstore.ErrInvalid) {
			t.Fatalf("%s: %v, want invalid", name, err)
		}
	}
	if at := head(t, h.Store); at != 0 {
		t.Fatalf("head is %d", at)
	}
}

func limitsAccepted(t *testing.T, h Harness) {
	// EventStoreDB counts some bytes of its own beside ours.
	const nearly = eventstore.MaxAppendBytes - 1024
	big := event("big")
	big.Data = bytes.Repeat([]byte("x"), nearly)
	big.Metadata = nil
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, big)
	same(t, expect("order-1", 0, big), wholeStream(t, h.Store, "order-1"))

	many := events(eventstore.MaxAppendEvents, "e")
	first := mustAppend(t, h.Store, "order-2", eventstore.NoStream, many...)
	same(t, expect("order-2", 0, many...), wholeStream(t, h.Store, "order-2"))
	repeat(t, h.Store, "order-2", eventstore.NoStream, first, many...)

	long := strings.Repeat("n", eventstore.MaxStreamNameBytes)
	e := event("long name")
	mustAppend(t, h.Store, long, eventstore.NoStream, e)
	same(t, expect(long, 0, e), wholeStream(t, h.Store, long))
}
