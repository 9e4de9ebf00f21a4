package storetest

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// repeat appends again what was appended, and checks that the answer is the first one.
func repeat(t *testing.T, s eventstore.Store, stream string, expected eventstore.Revision, first eventstore.Appended,
	events ...eventstore.NewEvent,
) {
	t.Helper()
	got := mustAppend(t, s, stream, expected, events...)
	want := first
	want.Repeated = true
	if got != want {
		t.Fatalf("append to %s at %d again: %+v, want %+v", stream, expected, got, want)
	}
}

func repeatAtOnce(t *testing.T, h Harness) {
	a, b := event("a"), event("b")
	first := mustAppend(t, h.Store, "order-1", eventstore.NoStream, a)
	repeat(t, h.Store, "order-1", eventstore.NoStream, first, a)
	second := mustAppend(t, h.Store, "order-1", 0, b)
	repeat(t, h.Store, "order-1", 0, second, b)
	repeat(t, h.Store, "order-1", 0, second, b)
	same(t, expect("order-1", 0, a, b), wholeStream(t, h.Store, "order-1"))
}

func repeatLater(t *testing.T, h Harness) {
	a, b, c := event("a"), event("b"), event("c")
	first := mustAppend(t, h.Store, "order-1", eventstore.NoStream, a)
	mustAppend(t, h.Store, "order-1", 0, b)
	mustAppend(t, h.Store, "order-2", eventstore.NoStream, event("another stream"))
	mustAppend(t, h.Store, "order-1", 1, c)
	repeat(t, h.Store, "order-1", eventstore.NoStream, first, a)
	wrong(t, h.Store, "order-1", eventstore.NoStream, 2, b)
	same(t, expect("order-1", 0, a, b, c), wholeStream(t, h.Store, "order-1"))
}

func repeatSeveral(t *testing.T, h Harness) {
	one, two := events(5, "one"), events(3, "two")
	first := mustAppend(t, h.Store, "order-1", eventstore.NoStream, one...)
	second := mustAppend(t, h.Store, "order-1", 4, two...)
	repeat(t, h.Store, "order-1", 4, second, two...)
	repeat(t, h.Store, "order-1", eventstore.NoStream, first, one...)
	same(t, expect("order-1", 0, append(one, two...)...), wholeStream(t, h.Store, "order-1"))
}

func repeatPartly(t *testing.T, h Harness) {
	all := events(4, "e")
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, all...)
	wrong(t, h.Store, "order-1", eventstore.NoStream, 3, all[0], event("another"))            // same beginning
	wrong(t, h.Store, "order-1", eventstore.NoStream, 3, event("another"), all[1])            // same end
	wrong(t, h.Store, "order-1", 1, 3, all[2], all[3], event("more"))                         // reaches past the end
	wrong(t, h.Store, "order-1", eventstore.NoStream, 3, all[1], all[0])                      // another order
	wrong(t, h.Store, "order-1", 0, 3, all[0])                                                // another place
	wrong(t, h.Store, "order-1", 0, 3, all[1], event("another"), all[3])                      // a hole
	wrong(t, h.Store, "order-1", eventstore.NoStream, 3, append(all[:4:4], event("more"))...) // all, and one more
	same(t, expect("order-1", 0, all...), wholeStream(t, h.Store, "order-1"))
}

func sameIDsElsewhere(t *testing.T, h Harness) {
	e := event("e")
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, e)
	if got := mustAppend(t, h.Store, "order-2", eventstore.NoStream, e); got.Repeated || got.Revision != 0 {
		t.Fatalf("the same id in another stream: %+v", got)
	}
	same(t, expect("order-2", 0, e), wholeStream(t, h.Store, "order-2"))
}

func repeatAny(t *testing.T, h Harness) {
	all := events(3, "e")
	first := mustAppend(t, h.Store, "order-1", eventstore.AnyRevision, all...)
	repeat(t, h.Store, "order-1", eventstore.AnyRevision, first, all...)
	same(t, expect("order-1", 0, all...), wholeStream(t, h.Store, "order-1"))
}

func repeatConcurrently(t *testing.T, h Harness) {
	const callers, rounds = 16, 20
	ctx := deadline(t)
	for round := range rounds {
		all := events(1+round%3, "the same")
		expected := eventstore.NoStream
		if round > 0 {
			records := wholeStream(t, h.Store, "order-1")
			expected = records[len(records)-1].Revision
		}
		var group errgroup.Group
		var answers [callers]eventstore.Appended
		var written atomic.Int32
		for i := range callers {
			group.Go(func() error {
				got, err := h.Store.Append(ctx, "order-1", expected, all...)
				if !got.Repeated {
					written.Add(1)
				}
				got.Repeated = false
				answers[i] = got
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		for _, got := range answers {
			if got != answers[0] {
				t.Fatalf("one was answered %+v, another %+v", answers[0], got)
			}
		}
		if n := written.Load(); n != 1 {
			t.Fatalf("%d of %d callers wrote", n, callers)
		}
		records := wholeStream(t, h.Store, "order-1")
		same(t, expect("order-1", expected+1, all...), records[expected+1:])
	}
}

func repeatAfterReopen(t *testing.T, h Harness) {
	one, two := events(2, "one"), events(2, "two")
	first := mustAppend(t, h.Store, "order-1", eventstore.NoStream, one...)
	second := mustAppend(t, h.Store, "order-1", 1, two...)
	h = h.Reopen(t)
	repeat(t, h.Store, "order-1", 1, second, two...)
	repeat(t, h.Store, "order-1", eventstore.NoStream, first, one...)
	wrong(t, h.Store, "order-1", eventstore.NoStream, 3, event("another"))
	mustAppend(t, h.Store, "order-1", 3, event("on"))
}
