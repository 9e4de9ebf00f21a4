package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// TestPowerCut takes, at random moments under load, the disk as a power cut could leave it: of what was written and
// not synced, any part is there or not. Every event that was acknowledged before is there, and what a subscriber was
// given, and the folder is sound. KIPAY_CRASH_SEED replays the moments.
func TestPowerCut(t *testing.T) {
	seed := envNumber(t, "KIPAY_CRASH_SEED", uint64(time.Now().UnixNano()))
	t.Logf("KIPAY_CRASH_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	cuts := 20
	if testing.Short() {
		cuts = 5
	}
	disk := vfs.NewCrashableMem()
	for cut := range cuts {
		left := runUntilPowerCut(t, disk, rng)
		s, err := Open("/db", Options{FS: left.disk, MemTableBytes: 1, Logf: t.Logf})
		if err != nil {
			t.Fatalf("cut %d of seed %d: %v", cut, seed, err)
		}
		if err := left.verify(s); err != nil {
			t.Fatalf("cut %d of seed %d: %v", cut, seed, err)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("cut %d of seed %d: close: %v", cut, seed, err)
		}
		disk = left.disk
	}
}

// powerCut is a disk after a power cut, and what was known before it: the events acknowledged, and how far a
// subscriber was.
type powerCut struct {
	disk  *vfs.MemFS
	acked map[uuid.UUID]eventstore.Position
	seen  eventstore.Position
}

func runUntilPowerCut(t *testing.T, disk *vfs.MemFS, rng *rand.Rand) powerCut {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := Open("/db", Options{FS: disk, MemTableBytes: 1, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscribe(ctx, before)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	known := powerCut{acked: make(map[uuid.UUID]eventstore.Position)}
	enough, stop := 1+rng.IntN(600), make(chan struct{})
	var group errgroup.Group
	for w := range 8 {
		group.Go(func() error {
			for {
				if ended(stop) {
					return nil
				}
				e := eventstore.NewEvent{ID: uuid.New(), Type: "Written", Data: make([]byte, 1500)}
				got, err := s.Append(ctx, fmt.Sprintf("w-%d-%s", w, e.ID), eventstore.NoStream, e)
				if err != nil {
					return err
				}
				mu.Lock()
				if known.disk == nil {
					known.acked[e.ID] = got.Position
				}
				if known.disk == nil && len(known.acked) >= enough {
					known.disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
					close(stop)
				}
				mu.Unlock()
			}
		})
	}
	following, unfollow := context.WithCancel(ctx)
	var follower sync.WaitGroup
	follower.Go(func() {
		for {
			batch, err := sub.Next(following)
			if err != nil {
				return
			}
			mu.Lock()
			if known.disk == nil {
				known.seen = batch.Checkpoint
			}
			mu.Unlock()
		}
	})
	err = group.Wait()
	unfollow()
	follower.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return known
}

func (p powerCut) verify(s *Store) error {
	ctx := context.Background()
	report, err := s.Check(ctx, nil, nil)
	if err != nil {
		return err
	}
	if report.Head < p.seen {
		return fmt.Errorf("a subscriber was given position %d, the head is %d", p.seen, report.Head)
	}
	for id, pos := range p.acked {
		if pos > report.Head {
			return fmt.Errorf("event %s at %d is lost, the head is %d", id, pos, report.Head)
		}
		records, err := s.ReadAll(ctx, pos, eventstore.Backward, 1)
		if err != nil || len(records) != 1 || records[0].ID != id {
			return fmt.Errorf("position %d: %v, %w, want event %s", pos, records, err, id)
		}
	}
	return nil
}

func ended(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}
