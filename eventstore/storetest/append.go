package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

func appendToNoStream(t *testing.T, h Harness) {
	e := event("first")
	got := mustAppend(t, h.Store, "order-1", eventstore.NoStream, e)
	if got.Revision != 0 || got.Position == 0 || got.Repeated {
		t.Fatalf("answered %+v", got)
	}
	if at := head(t, h.Store); at != got.Position {
		t.Fatalf("head is %d, the only event at %d", at, got.Position)
	}
	wrong(t, h.Store, "order-1", eventstore.NoStream, 0, event("second"))
	same(t, expect("order-1", 0, e), wholeStream(t, h.Store, "order-1"))
}

func appendAtExactRevision(t *testing.T, h Harness) {
	all := events(5, "e")
	for i, e := range all {
		got := mustAppend(t, h.Store, "order-1", eventstore.Revision(i-1), e)
		if got.Revision != eventstore.Revision(i) {
			t.Fatalf("append %d answered %+v", i, got)
		}
	}
	same(t, expect("order-1", 0, all...), wholeStream(t, h.Store, "order-1"))
}

func appendAtAnyRevision(t *testing.T, h Harness) {
	a, b := event("a"), event("b")
	if got := mustAppend(t, h.Store, "order-1", eventstore.AnyRevision, a); got.Revision != 0 {
		t.Fatalf("the first answered %+v", got)
	}
	if got := mustAppend(t, h.Store, "order-1", eventstore.AnyRevision, b); got.Revision != 1 {
		t.Fatalf("the second answered %+v", got)
	}
	same(t, expect("order-1", 0, a, b), wholeStream(t, h.Store, "order-1"))
}

func appendAtWrongRevision(t *testing.T, h Harness) {
	wrong(t, h.Store, "order-1", 0, eventstore.NoStream, event("too early"))
	wrong(t, h.Store, "order-1", 7, eventstore.NoStream, event("too early"))
	all := events(3, "e")
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, all...)
	for _, expected := range []eventstore.Revision{eventstore.NoStream, 0, 1, 3, 100, eventstore.EndRevision - 1, eventstore.EndRevision} {
		wrong(t, h.Store, "order-1", expected, 2, event("wrong"))
	}
	wrong(t, h.Store, "order-1", eventstore.EndRevision, 2, events(5, "past every number")...)
	wrong(t, h.Store, "order-1", eventstore.EndRevision, 2)
	wrong(t, h.Store, "order-1", 0, 2, events(5, "longer than what is there")...)
	same(t, expect("order-1", 0, all...), wholeStream(t, h.Store, "order-1"))
	mustAppend(t, h.Store, "order-1", 2, event("right"))
}

// wrong appends what has to be refused, and checks what the refusal says.
func wrong(
	t *testing.T, s eventstore.Store, stream string, expected, actual eventstore.Revision, events ...eventstore.NewEvent,
) {
	t.Helper()
	_, err := s.Append(deadline(t), stream, expected, events...)
	var told *eventstore.WrongRevisionError
	if !errors.Is(err, eventstore.ErrWrongRevision) || !errors.As(err, &told) {
		t.Fatalf("append to %s at %d: %v, want a wrong revision", stream, expected, err)
	}
	if want := (eventstore.WrongRevisionError{Stream: stream, Expected: expected, Actual: actual}); *told != want {
		t.Fatalf("append to %s at %d: told %+v, want %+v", stream, expected, *told, want)
	}
}

func appendAllOrNone(t *testing.T, h Harness) {
	all := events(20, "together")
	got := mustAppend(t, h.Store, "order-1", eventstore.NoStream, all...)
	if got.Revision != 19 {
		t.Fatalf("answered %+v", got)
	}
	records := wholeStream(t, h.Store, "order-1")
	same(t, expect("order-1", 0, all...), records)
	if last := records[len(records)-1].Position; last != got.Position {
		t.Fatalf("answered position %d, the last event is at %d", got.Position, last)
	}
	before := head(t, h.Store)
	wrong(t, h.Store, "order-1", 5, 19, events(20, "none of them")...)
	if after := head(t, h.Store); after != before {
		t.Fatalf("a refused append moved the head from %d to %d", before, after)
	}
}

func appendRacingOneStream(t *testing.T, h Harness) {
	const writers, each = 8, 25
	var group errgroup.Group
	ctx := deadline(t)
	for range writers {
		group.Go(func() error {
			at := eventstore.NoStream
			for done := 0; done < each; {
				got, err := h.Store.Append(ctx, "order-1", at, event("raced"))
				var told *eventstore.WrongRevisionError
				switch {
				case errors.As(err, &told):
					at = told.Actual
				case err != nil:
					return err
				default:
					at = got.Revision
					done++
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	records := wholeStream(t, h.Store, "order-1")
	if len(records) != writers*each {
		t.Fatalf("%d events, want %d", len(records), writers*each)
	}
	for i, rec := range records {
		if rec.Revision != eventstore.Revision(i) {
			t.Fatalf("event %d has revision %d", i, rec.Revision)
		}
	}
}

func appendPositionsIncrease(t *testing.T, h Harness) {
	last := eventstore.Position(0)
	for i := range 20 {
		stream := fmt.Sprintf("order-%d", i%3)
		got := mustAppend(t, h.Store, stream, eventstore.AnyRevision, events(1+i%3, stream)...)
		if got.Position <= last {
			t.Fatalf("position %d after %d", got.Position, last)
		}
		last = got.Position
	}
	if at := head(t, h.Store); at != last {
		t.Fatalf("head is %d, the newest event at %d", at, last)
	}
	wholeLog(t, h.Store) // checks that they increase
}

func appendNothing(t *testing.T, h Harness) {
	if got := mustAppend(t, h.Store, "order-1", eventstore.NoStream); got.Revision != eventstore.NoStream {
		t.Fatalf("answered %+v", got)
	}
	wrong(t, h.Store, "order-1", 0, eventstore.NoStream)
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, events(2, "e")...)
	if got := mustAppend(t, h.Store, "order-1", 1); got.Revision != 1 {
		t.Fatalf("answered %+v", got)
	}
	if got := mustAppend(t, h.Store, "order-1", eventstore.AnyRevision); got.Revision != 1 {
		t.Fatalf("answered %+v", got)
	}
	wrong(t, h.Store, "order-1", eventstore.NoStream, 1)
	wrong(t, h.Store, "order-1", 0, 1)
	if n := len(wholeLog(t, h.Store)); n != 2 {
		t.Fatalf("%d events, want 2", n)
	}
}

func appendCancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Store.Append(ctx, "order-1", eventstore.NoStream, event("late")); !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v", err)
	}
	if _, err := h.Store.ReadStream(ctx, "order-1", 0, eventstore.Forward, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("read: %v", err)
	}
	if _, err := h.Store.ReadAll(ctx, 0, eventstore.Forward, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("read all: %v", err)
	}
}

func appendCancelledMidway(t *testing.T, h Harness) {
	const appends = 200
	for i := range appends {
		e := event(fmt.Sprint(i))
		ctx, cancel := context.WithCancel(deadline(t))
		answered := make(chan error, 1)
		go func() {
			_, err := h.Store.Append(ctx, "order-1", eventstore.Revision(i-1), e)
			answered <- err
		}()
		if i%2 == 0 {
			cancel() // before, while or after it happens
		}
		if err := <-answered; err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("append %d: %v", i, err)
		}
		cancel()
		if got := mustAppend(t, h.Store, "order-1", eventstore.Revision(i-1), e); got.Revision != eventstore.Revision(i) {
			t.Fatalf("append %d again: %+v", i, got)
		}
	}
	if n := len(wholeStream(t, h.Store, "order-1")); n != appends {
		t.Fatalf("%d events, want %d", n, appends)
	}
}
