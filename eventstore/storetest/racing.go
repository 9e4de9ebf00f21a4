package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// race appends so many events from each writer, to a stream of its own and to one that all share.
func race(ctx context.Context, s eventstore.Store, writers, each int) error {
	var group errgroup.Group
	for w := range writers {
		group.Go(func() error {
			own := fmt.Sprintf("writer-%d", w)
			for i := range each {
				stream, expected := own, eventstore.Revision(i-1-i/4)
				if i%4 == 3 {
					stream, expected = "shared-1", eventstore.AnyRevision
				}
				if _, err := s.Append(ctx, stream, expected, event(fmt.Sprint(w, "/", i))); err != nil {
					return fmt.Errorf("writer %d, append %d: %w", w, i, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// follow takes n records and checks that each is newer than the one before.
func follow(ctx context.Context, sub eventstore.Subscription, n int) ([]eventstore.Record, error) {
	got := make([]eventstore.Record, 0, n)
	last := eventstore.Position(0)
	for len(got) < n {
		batch, err := sub.Next(ctx)
		if err != nil {
			return nil, fmt.Errorf("after %d records: %w", len(got), err)
		}
		for _, rec := range batch.Records {
			if rec.Position <= last {
				return nil, fmt.Errorf("position %d after %d", rec.Position, last)
			}
			last = rec.Position
			got = append(got, rec)
		}
		if batch.Checkpoint < last {
			return nil, fmt.Errorf("checkpoint %d after position %d", batch.Checkpoint, last)
		}
	}
	return got, nil
}

func subscribeRacing(t *testing.T, h Harness) {
	const writers, each = 32, 320
	ctx := deadline(t)
	fillLog(t, h.Store, 10)
	before := len(wholeLog(t, h.Store))
	early, fromZero := subscribe(t, h.Store, head(t, h.Store)), subscribe(t, h.Store, 0)

	var group errgroup.Group
	var live, all []eventstore.Record
	group.Go(func() error { return race(ctx, h.Store, writers, each) })
	group.Go(func() (err error) { live, err = follow(ctx, early, writers*each); return err })
	group.Go(func() (err error) { all, err = follow(ctx, fromZero, before+writers*each); return err })
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	want := factsOf(wholeLog(t, h.Store))
	if len(want) != before+writers*each {
		t.Fatalf("%d events in the log, want %d", len(want), before+writers*each)
	}
	same(t, want, all)
	same(t, want[before:], live)
}

func subscribeMany(t *testing.T, h Harness) {
	const subscribers, writers, each = 24, 8, 60
	ctx := deadline(t)
	var group errgroup.Group
	got := make([][]eventstore.Record, subscribers)
	for i := range subscribers {
		sub := subscribe(t, h.Store, 0)
		group.Go(func() (err error) { got[i], err = follow(ctx, sub, writers*each); return err })
	}
	group.Go(func() error { return race(ctx, h.Store, writers, each) })
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	want := factsOf(wholeLog(t, h.Store))
	for _, records := range got {
		same(t, want, records)
	}
}

func subscribeSlowly(t *testing.T, h Harness) {
	const writers, each, size, mostInABatch = 8, 250, 8 << 10, 8 << 20
	ctx := deadline(t)
	sub := subscribe(t, h.Store, 0)
	catchUp(t, sub)
	var group errgroup.Group
	for w := range writers {
		group.Go(func() error {
			for i := range each {
				e := event("large")
				e.Data = make([]byte, size)
				if _, err := h.Store.Append(ctx, fmt.Sprintf("writer-%d", w), eventstore.Revision(i-1), e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("writers while nobody reads: %v", err)
	}
	want := factsOf(wholeLog(t, h.Store))
	seen := 0
	for seen < len(want) {
		batch := next(t, sub)
		bytes := 0
		for _, rec := range batch.Records {
			bytes += len(rec.Data) + len(rec.Metadata)
		}
		if bytes > mostInABatch {
			t.Fatalf("a batch of %d bytes", bytes)
		}
		same(t, want[seen:seen+len(batch.Records)], batch.Records)
		seen += len(batch.Records)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if batch, err := sub.Next(ended); err == nil && len(batch.Records) > 0 || err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("after the last record: %+v, %v", batch, err)
	}
}

// closeWhileRacing closes the store under its writers. Each append was either acknowledged, and is there, or refused.
func closeWhileRacing(t *testing.T, h Harness) {
	const writers, before = 8, 20
	ctx := deadline(t)
	var group errgroup.Group
	acked := make([][]fact, writers)
	warm := make(chan struct{}, writers)
	for w := range writers {
		stream := fmt.Sprintf("writer-%d", w)
		group.Go(func() error {
			for i := 0; ; i++ {
				if i == before {
					warm <- struct{}{}
				}
				e := event("until it is closed")
				_, err := h.Store.Append(ctx, stream, eventstore.Revision(i-1), e)
				if errors.Is(err, eventstore.ErrClosed) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("%s: %w", stream, err)
				}
				acked[w] = append(acked[w], expect(stream, eventstore.Revision(i), e)...)
			}
		})
	}
	for range writers {
		select {
		case <-warm:
		case <-ctx.Done():
			t.Fatalf("the writers don't get on: %v", group.Wait())
		}
	}
	if err := h.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	h = h.Reopen(t)
	for w := range writers {
		records := wholeStream(t, h.Store, fmt.Sprintf("writer-%d", w))
		if len(records) > len(acked[w])+1 {
			t.Fatalf("%d events, %d were acknowledged", len(records), len(acked[w]))
		}
		same(t, acked[w], records[:min(len(records), len(acked[w]))]) // one more may have happened unheard
	}
}
