package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// The event that the comparison writes: about what a payment's is.
const (
	benchDataBytes     = 512
	benchMetadataBytes = 128
)

// CompareWithRaw measures, in new folders under dir, how many appends of one event a second the store acknowledges to
// the given number of writers, and how many commits a second raw Pebble does with the same bytes, keys, settings and
// syncs. The two take turns, half of d each, so that both meet the same neighbours.
func CompareWithRaw(ctx context.Context, dir string, writers int, d time.Duration) (store, raw float64, err error) {
	const rounds = 5
	s, err := Open(filepath.Join(dir, "store"), Options{})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	opts := pebbleOptions(Options{}.withDefaults())
	defer opts.Cache.Unref()
	opts.Logger = pebbleLogger{newFailure(func(string, ...any) {}), func(string, ...any) {}}
	db, err := pebble.Open(filepath.Join(dir, "raw"), opts)
	if err != nil {
		return 0, 0, fmt.Errorf("open raw Pebble: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	sides := [2]func() error{appendOne(ctx, s), commitOne(db)}
	var done [2]uint64
	var spent [2]time.Duration
	for range rounds {
		for i, side := range sides {
			n, took, err := drive(ctx, writers, d/(2*rounds), side)
			if err != nil {
				return 0, 0, err
			}
			done[i] += n
			spent[i] += took
		}
	}
	return float64(done[0]) / spent[0].Seconds(), float64(done[1]) / spent[1].Seconds(), nil
}

// drive calls fn from so many goroutines for so long, and answers how often and how long it was.
func drive(ctx context.Context, writers int, d time.Duration, fn func() error) (uint64, time.Duration, error) {
	var calls atomic.Uint64
	var failed atomic.Pointer[error]
	var working sync.WaitGroup
	start := time.Now()
	for range writers {
		working.Go(func() {
			for time.Since(start) < d && ctx.Err() == nil && failed.Load() == nil {
				if err := fn(); err != nil {
					failed.Store(&err)
					return
				}
				calls.Add(1)
			}
		})
	}
	working.Wait()
	took := time.Since(start)
	if err := failed.Load(); err != nil {
		return 0, 0, *err
	}
	return calls.Load(), took, ctx.Err()
}

func benchEvent(id uuid.UUID) eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: id, Type: "TransactionInitialized", Data: make([]byte, benchDataBytes), Metadata: make([]byte, benchMetadataBytes),
	}
}

func benchStream(id uuid.UUID) string { return "transaction-" + id.String() }

// appendOne is one append to a stream of its own, which is what most are.
func appendOne(ctx context.Context, s *Store) func() error {
	return func() error {
		id := uuid.New()
		_, err := s.Append(ctx, benchStream(id), eventstore.NoStream, benchEvent(id))
		return err
	}
}

// commitOne is what an append comes to, without all that makes it one: the same two keys and values in one synced batch.
func commitOne(db *pebble.DB) func() error {
	var position atomic.Uint64
	return func() error {
		id := uuid.New()
		event := benchEvent(id)
		encoded := make([]byte, recordBytes(benchStream(id), &event))
		encodeRecord(encoded, benchStream(id), &event)
		pos := position.Add(1)
		batch := db.NewBatch()
		err := errors.Join(
			batch.Set(logKey(eventstore.Position(pos)), encoded, nil),
			batch.Set(appendStreamKey(nil, benchStream(id), 0), binary.BigEndian.AppendUint64(nil, pos), nil),
		)
		if err != nil {
			return err
		}
		return errors.Join(batch.Commit(pebble.Sync), batch.Close())
	}
}
