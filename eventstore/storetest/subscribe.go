package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/benfex/kipay/eventstore"
)

func subscribe(t *testing.T, s eventstore.Store, from eventstore.Position) eventstore.Subscription {
	t.Helper()
	sub, err := s.Subscribe(deadline(t), from)
	if err != nil {
		t.Fatalf("subscribe after %d: %v", from, err)
	}
	t.Cleanup(func() { _ = sub.Close() })
	return sub
}

// next takes a batch and checks that it is well-formed. Those that tell nothing but how far the store has looked, and
// found nothing of ours, are passed over.
func next(t *testing.T, sub eventstore.Subscription) eventstore.Batch {
	t.Helper()
	looked := eventstore.Position(0)
	for {
		batch, err := sub.Next(deadline(t))
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		n := len(batch.Records)
		if n > 0 && batch.Checkpoint < batch.Records[n-1].Position {
			t.Fatalf("checkpoint %d, the last record is at %d", batch.Checkpoint, batch.Records[n-1].Position)
		}
		if batch.Checkpoint < looked {
			t.Fatalf("checkpoint %d after %d", batch.Checkpoint, looked)
		}
		if n > 0 || batch.CaughtUp {
			return batch
		}
		if batch.Checkpoint == looked {
			t.Fatal("a batch that says nothing")
		}
		looked = batch.Checkpoint
	}
}

// collect takes n records, in order, and no more.
func collect(t *testing.T, sub eventstore.Subscription, n int) []eventstore.Record {
	t.Helper()
	var got []eventstore.Record
	last := eventstore.Position(0)
	for len(got) < n {
		for _, rec := range next(t, sub).Records {
			if rec.Position <= last {
				t.Fatalf("position %d was delivered after %d", rec.Position, last)
			}
			last = rec.Position
			got = append(got, rec)
		}
	}
	if len(got) > n {
		t.Fatalf("%d records, want %d", len(got), n)
	}
	return got
}

// catchUp takes batches until one says that nothing older is left.
func catchUp(t *testing.T, sub eventstore.Subscription) []eventstore.Record {
	t.Helper()
	var got []eventstore.Record
	for {
		batch := next(t, sub)
		got = append(got, batch.Records...)
		if batch.CaughtUp {
			return got
		}
	}
}

func subscribeFromBeginning(t *testing.T, h Harness) {
	all := fillLog(t, h.Store, 40)
	sub := subscribe(t, h.Store, 0)
	same(t, all, catchUp(t, sub))
	live := event("live")
	mustAppend(t, h.Store, "live-1", eventstore.NoStream, live)
	same(t, expect("live-1", 0, live), collect(t, sub, 1))
}

func subscribeFromMiddle(t *testing.T, h Harness) {
	all := fillLog(t, h.Store, 40)
	records := wholeLog(t, h.Store)
	for _, after := range []int{0, 1, len(records) / 2, len(records) - 2} {
		sub := subscribe(t, h.Store, records[after].Position)
		same(t, all[after+1:], catchUp(t, sub))
	}
}

func subscribeFromHead(t *testing.T, h Harness) {
	fillLog(t, h.Store, 10)
	at := head(t, h.Store)
	sub := subscribe(t, h.Store, at)
	batch := next(t, sub)
	if !batch.CaughtUp || len(batch.Records) != 0 || batch.Checkpoint < at {
		t.Fatalf("at the head: %+v", batch)
	}
	for i := range 10 {
		live := events(1+i%3, "live")
		stream := fmt.Sprintf("live-%d", i)
		mustAppend(t, h.Store, stream, eventstore.NoStream, live...)
		same(t, expect(stream, 0, live...), collect(t, sub, len(live)))
	}
}

func subscribeToEmpty(t *testing.T, h Harness) {
	sub := subscribe(t, h.Store, 0)
	if batch := next(t, sub); !batch.CaughtUp || len(batch.Records) != 0 {
		t.Fatalf("an empty store: %+v", batch)
	}
	e := event("first")
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, e)
	same(t, expect("order-1", 0, e), collect(t, sub, 1))
}

func subscribeCaughtUp(t *testing.T, h Harness) {
	all := fillLog(t, h.Store, 1000)
	sub := subscribe(t, h.Store, 0)
	same(t, all, catchUp(t, sub)) // not one batch earlier
	for i := range 5 {
		mustAppend(t, h.Store, "live-1", eventstore.Revision(i-1), event("live"))
		batch := next(t, sub)
		if len(batch.Records) != 1 {
			t.Fatalf("live batch %d: %+v; it is said once that a subscriber is live", i, batch)
		}
	}
}

func subscribeCheckpoint(t *testing.T, h Harness) {
	all := fillLog(t, h.Store, 600)
	seen := 0
	from := eventstore.Position(0)
	for seen < len(all) {
		sub := subscribe(t, h.Store, from)
		batch := next(t, sub)
		same(t, all[seen:seen+len(batch.Records)], batch.Records)
		seen += len(batch.Records)
		from = batch.Checkpoint
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if batch := next(t, subscribe(t, h.Store, from)); len(batch.Records) != 0 || !batch.CaughtUp {
		t.Fatalf("after the last checkpoint: %+v", batch)
	}
}

func subscribeNextCancelled(t *testing.T, h Harness) {
	sub := subscribe(t, h.Store, 0)
	catchUp(t, sub)
	for i := range 50 {
		ctx, cancel := context.WithCancel(deadline(t))
		answered := make(chan error, 1)
		var got eventstore.Batch
		go func() {
			var err error
			got, err = sub.Next(ctx)
			answered <- err
		}()
		cancel()
		if err := <-answered; !errors.Is(err, context.Canceled) {
			t.Fatalf("next: %v, %+v", err, got)
		}
		e := event("after")
		mustAppend(t, h.Store, "order-1", eventstore.Revision(i-1), e)
		same(t, expect("order-1", eventstore.Revision(i), e), collect(t, sub, 1))
	}
}

func subscribeContext(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	sub, err := h.Store.Subscribe(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	catchUp(t, sub)
	ended := make(chan error, 1)
	go func() {
		_, err := sub.Next(deadline(t))
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("next: %v", err)
	}
	if _, err := sub.Next(deadline(t)); !errors.Is(err, context.Canceled) {
		t.Fatalf("next after it: %v", err)
	}
}

func subscribeClose(t *testing.T, h Harness) {
	sub := subscribe(t, h.Store, 0)
	catchUp(t, sub)
	ended := make(chan error, 1)
	go func() {
		_, err := sub.Next(deadline(t))
		ended <- err
	}()
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("next: %v", err)
	}
	if err := sub.Close(); err != nil {
		t.Fatalf("close again: %v", err)
	}
	if _, err := sub.Next(deadline(t)); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("next after close: %v", err)
	}
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, event("others go on"))
}

func subscribeStoreClose(t *testing.T, h Harness) {
	sub := subscribe(t, h.Store, 0)
	catchUp(t, sub)
	ended := make(chan error, 1)
	go func() {
		_, err := sub.Next(deadline(t))
		ended <- err
	}()
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("next: %v", err)
	}
	if err := sub.Close(); err != nil {
		t.Fatalf("close after the store: %v", err)
	}
}

func closedStore(t *testing.T, h Harness) {
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, event("e"))
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	calls := map[string]func() error{
		"append": func() error {
			_, err := h.Store.Append(ctx, "order-1", 0, event("late"))
			return err
		},
		"read stream": func() error {
			_, err := h.Store.ReadStream(ctx, "order-1", 0, eventstore.Forward, 1)
			return err
		},
		"read all": func() error {
			_, err := h.Store.ReadAll(ctx, 0, eventstore.Forward, 1)
			return err
		},
		"subscribe": func() error {
			_, err := h.Store.Subscribe(ctx, 0)
			return err
		},
		"head": func() error {
			_, err := h.Store.Head(ctx)
			return err
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, eventstore.ErrClosed) {
			t.Fatalf("%s: %v, want closed", name, err)
		}
	}
	if err := h.Store.Close(); err != nil {
		t.Fatalf("close again: %v", err)
	}
}

func reopenKeeps(t *testing.T, h Harness) {
	var all []fact
	at := make(map[string]eventstore.Revision)
	for round := range 5 {
		for i := range 20 {
			stream := fmt.Sprintf("order-%d", i%6)
			some := events(1+i%2, fmt.Sprint(round, i))
			first := at[stream]
			mustAppend(t, h.Store, stream, first-1, some...)
			all = append(all, expect(stream, first, some...)...)
			at[stream] = first + eventstore.Revision(len(some))
		}
		before := wholeLog(t, h.Store)
		h = h.Reopen(t)
		after := wholeLog(t, h.Store)
		same(t, all, after)
		for i := range before {
			if before[i].Position != after[i].Position || !before[i].RecordedAt.Equal(after[i].RecordedAt) {
				t.Fatalf("before %+v, after %+v", before[i], after[i])
			}
		}
		if got := head(t, h.Store); got != after[len(after)-1].Position {
			t.Fatalf("head is %d, the newest event at %d", got, after[len(after)-1].Position)
		}
	}
	same(t, all, catchUp(t, subscribe(t, h.Store, 0)))
}
