package embedded

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t, t.TempDir(), Options{}) })
}

// TestContractWithLittleMemory has everything read from disk: tables, heads of streams, what subscribers are given.
func TestContractWithLittleMemory(t *testing.T) {
	little := Options{CacheBytes: 1, MemTableBytes: 1 << 20, RingEvents: 16, RingBytes: 1 << 12, StreamHeads: 1}
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t, t.TempDir(), little) })
}

func harness(t *testing.T, dir string, options Options) storetest.Harness {
	s := open(t, dir, options)
	return storetest.Harness{Store: s, Keys: s, Reopen: func(t *testing.T) storetest.Harness {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		return harness(t, dir, options)
	}}
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, dir string, options Options) *Store {
	t.Helper()
	if options.Logf == nil {
		options.Logf = t.Logf
	}
	s, err := Open(dir, options)
	if err != nil {
		t.Fatalf("open %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestPositionsHaveNoGaps(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for want := eventstore.Position(1); want <= 50; want++ {
		got, err := s.Append(t.Context(), fmt.Sprintf("order-%d", want%3), eventstore.AnyRevision, benchEvent(uuid.New()))
		if err != nil || got.Position != want {
			t.Fatalf("position %d, %v, want %d", got.Position, err, want)
		}
		if _, err := s.Append(t.Context(), "order-0", 1000, benchEvent(uuid.New())); !errors.Is(err, eventstore.ErrWrongRevision) {
			t.Fatal(err)
		}
	}
}

// TestMemoryIsBoundedHoweverFarASubscriberLags looks at the ring while nobody reads, and then at a subscriber that
// falls behind, reads on from disk, and says again that it has caught up.
func TestMemoryIsBoundedHoweverFarASubscriberLags(t *testing.T) {
	const ringEvents, ringBytes, each = 64, 64 << 10, 2000
	s := open(t, t.TempDir(), Options{RingEvents: ringEvents, RingBytes: ringBytes})
	sub, err := s.Subscribe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if batch, err := sub.Next(t.Context()); err != nil || !batch.CaughtUp {
		t.Fatalf("%+v, %v", batch, err)
	}
	last := eventstore.Position(0)
	for round := range 3 {
		appendMany(t, s, each)
		if stats := s.Stats(); stats.RingEvents > ringEvents || stats.RingBytes > ringBytes || stats.RingEvents == 0 {
			t.Fatalf("%d events and %d bytes in memory", stats.RingEvents, stats.RingBytes)
		}
		caughtUp := 0
		for last < eventstore.Position(each*(round+1)) {
			batch, err := sub.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(batch.Records) > maxBatchEvents {
				t.Fatalf("a batch of %d", len(batch.Records))
			}
			for _, rec := range batch.Records {
				if last++; rec.Position != last {
					t.Fatalf("position %d, want %d", rec.Position, last)
				}
			}
			if batch.CaughtUp {
				caughtUp++
			}
		}
		if caughtUp != 1 {
			t.Fatalf("it fell behind and caught up %d times, by what it said", caughtUp)
		}
	}
}

// appendMany appends so many events from several writers.
func appendMany(t testing.TB, s *Store, n int) {
	t.Helper()
	const writers = 8
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			for range n / writers {
				id := uuid.New()
				if _, err := s.Append(context.Background(), benchStream(id), eventstore.NoStream, benchEvent(id)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestSubscribingPastTheHeadIsRefused(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	appendMany(t, s, 8)
	if _, err := s.Subscribe(t.Context(), 9); !errors.Is(err, eventstore.ErrInvalid) {
		t.Fatalf("a position of another log: %v", err)
	}
	sub, err := s.Subscribe(t.Context(), eventstore.EndPosition)
	if err != nil {
		t.Fatal(err)
	}
	if batch, err := sub.Next(t.Context()); err != nil || !batch.CaughtUp || batch.Checkpoint != 8 {
		t.Fatalf("%+v, %v", batch, err)
	}
}

func TestStats(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	e := benchEvent(uuid.New())
	for range 3 {
		if _, err := s.Append(t.Context(), "order-1", eventstore.NoStream, e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Append(t.Context(), "order-1", 7, benchEvent(uuid.New())); err == nil {
		t.Fatal("a wrong revision was accepted")
	}
	sub, err := s.Subscribe(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Stats()
	size := uint64(len(e.Type) + len(e.Data) + len(e.Metadata))
	if got.Appends != 1 || got.Events != 1 || got.Bytes != size || got.Repeats != 2 || got.Conflicts != 1 || got.Commits != 1 ||
		got.Head != 1 || got.Subscriptions != 1 || got.RingEvents != 1 || got.Syncs == 0 || got.DiskBytes == 0 ||
		got.Failure != nil || got.Corruption != nil {
		t.Fatalf("%+v", got)
	}
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Subscriptions; n != 0 {
		t.Fatalf("%d subscriptions", n)
	}
}

func TestAppendsShareSyncs(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	const writers, each = 64, 50
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			for range each {
				id := uuid.New()
				if _, err := s.Append(t.Context(), benchStream(id), eventstore.NoStream, benchEvent(id)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Appends != writers*each || got.Syncs > got.Appends/3 {
		t.Fatalf("%d appends took %d syncs", got.Appends, got.Syncs)
	}
}
