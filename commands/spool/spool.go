// Package spool keeps providers' notices on the local disk while the event store is away: in the order in which they came,
// each synced before it is acknowledged and sealed under the master key, until they are delivered.
//
// It knows nothing of what is in them: commands puts notices in and takes them out (spool_doors.go there). It is no part of
// the ledger, and empty but in an outage.
package spool

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Limits of a spool. A provider sends a notice or two for each payment; this is more than an hour of the busiest install.
const (
	maxNotices = 1 << 20
	maxBytes   = 1 << 30
)

// ErrFull: more waits than a spool may hold. The provider must not be told that the notice was taken.
var ErrFull = errors.New("the spool of notices is full")

// Notice is a provider's request as it came.
type Notice struct {
	Path      string    `json:"path"` // with the token in it: never shown
	Signature string    `json:"signature,omitempty"`
	Body      []byte    `json:"body"`
	RequestID string    `json:"request_id"`
	IP        string    `json:"ip,omitempty"`
	At        time.Time `json:"at"`
}

// Sealer seals and opens what is written; eventstore.MasterKeys is one.
type Sealer interface {
	Seal(random io.Reader, name string, plain []byte) ([]byte, error)
	Open(name string, sealed []byte) ([]byte, error)
}

// Options are what a spool is made of.
type Options struct {
	Dir    string
	Seal   Sealer
	Random io.Reader
	FS     vfs.FS // the operating system's when nil
}

// Spool is a queue on disk. Its methods may be called from any goroutine; one at a time may deliver.
type Spool struct {
	options Options
	db      *pebble.DB

	mu    sync.Mutex
	next  uint64
	count int
	bytes int64
	full  func() bool // in tests
	came  chan struct{}
}

// The keys of notices that wait, and of those that nobody could be told of, begin with these.
const (
	waiting = 'w'
	parked  = 'p'
)

func key(space byte, n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{space}, n) }

// sealedAs binds a sealed notice to its place.
func sealedAs(n uint64) string { return fmt.Sprintf("spool-%d", n) }

// Open opens the spool in the folder, and creates it when it is missing.
func Open(o Options) (*Spool, error) {
	db, err := pebble.Open(o.Dir, &pebble.Options{FS: o.FS, MemTableSize: 1 << 20, Logger: quiet{}})
	if err != nil {
		return nil, fmt.Errorf("open the spool in %s: %w", o.Dir, err)
	}
	s := &Spool{options: o, db: db, came: make(chan struct{}, 1)}
	s.full = func() bool { return s.count >= maxNotices || s.bytes >= maxBytes }
	if err := s.recount(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Spool) recount() error {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	for ok := iter.First(); ok; ok = iter.Next() {
		k := iter.Key()
		if len(k) != 1+8 {
			continue
		}
		s.next = max(s.next, binary.BigEndian.Uint64(k[1:])+1)
		if k[0] == waiting {
			s.count++
			s.bytes += int64(len(iter.Value()))
		}
	}
	if err := iter.Close(); err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	if s.count > 0 {
		s.tell()
	}
	return nil
}

func (s *Spool) tell() {
	select {
	case s.came <- struct{}{}:
	default:
	}
}

// Add takes a notice in; it is on the disk when Add returns. ErrFull when there is no room.
func (s *Spool) Add(n Notice) error {
	plain, err := json.Marshal(n)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.full() {
		s.mu.Unlock()
		return ErrFull
	}
	at := s.next
	s.next++
	s.mu.Unlock()
	sealed, err := s.options.Seal.Seal(s.options.Random, sealedAs(at), plain)
	if err != nil {
		return fmt.Errorf("seal a notice: %w", err)
	}
	if err := s.db.Set(key(waiting, at), sealed, pebble.Sync); err != nil {
		return fmt.Errorf("write a notice to the spool: %w", err)
	}
	s.mu.Lock()
	s.count++
	s.bytes += int64(len(sealed))
	s.mu.Unlock()
	s.tell()
	return nil
}

// Len is how many notices wait.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Oldest is when the notice that is delivered next came; zero when none waits, or it can't be read.
func (s *Spool) Oldest() time.Time {
	at, sealed, found, err := s.first()
	if err != nil || !found {
		return time.Time{}
	}
	var n Notice
	plain, err := s.options.Seal.Open(sealedAs(at), sealed)
	if err != nil || json.Unmarshal(plain, &n) != nil {
		return time.Time{}
	}
	return n.At
}

// Verdict is what became of a delivery.
type Verdict int

// The verdicts.
const (
	Delivered Verdict = iota // also: refused, as it would have been at once
	Later                    // the event store is away still; all that came after it waits too
	Park                     // it can't be delivered, and a person has to look
)

// Deliver delivers what waits, oldest first, whenever there is something, until ctx ends. While the verdict is Later it
// pauses between attempts.
func (s *Spool) Deliver(ctx context.Context, pause time.Duration, to func(context.Context, Notice) Verdict) error {
	for {
		select {
		case <-s.came:
		case <-ctx.Done():
			return ctx.Err()
		}
		for {
			more, err := s.deliverFirst(ctx, to)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		if s.Len() == 0 {
			continue
		}
		select {
		case <-time.After(pause):
			s.tell()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deliverFirst delivers the oldest notice. It answers false when there is none, or it has to wait.
func (s *Spool) deliverFirst(ctx context.Context, to func(context.Context, Notice) Verdict) (bool, error) {
	at, sealed, found, err := s.first()
	if err != nil || !found {
		return false, err
	}
	verdict := Park
	if plain, err := s.options.Seal.Open(sealedAs(at), sealed); err == nil {
		var n Notice
		if json.Unmarshal(plain, &n) == nil {
			verdict = to(ctx, n)
		}
	}
	if verdict == Later || ctx.Err() != nil {
		return false, ctx.Err()
	}
	batch := s.db.NewBatch()
	if verdict == Park {
		err = batch.Set(key(parked, at), sealed, nil)
	}
	if err := errors.Join(err, batch.Delete(key(waiting, at), nil), batch.Commit(pebble.Sync)); err != nil {
		return false, fmt.Errorf("take a notice out of the spool: %w", err)
	}
	s.mu.Lock()
	s.count--
	s.bytes -= int64(len(sealed))
	s.mu.Unlock()
	return true, nil
}

func (s *Spool) first() (at uint64, sealed []byte, found bool, err error) {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{waiting}, UpperBound: []byte{waiting + 1}})
	if err != nil {
		return 0, nil, false, fmt.Errorf("read the spool: %w", err)
	}
	if iter.First() && len(iter.Key()) == 1+8 {
		at, found = binary.BigEndian.Uint64(iter.Key()[1:]), true
		sealed = append([]byte(nil), iter.Value()...)
	}
	return at, sealed, found, iter.Close()
}

// Close closes the spool; what waits in it stays.
func (s *Spool) Close() error { return s.db.Close() }

// quiet drops Pebble's diary; errors come back from the calls.
type quiet struct{}

// Infof drops it.
func (quiet) Infof(string, ...any) {}

// Errorf drops it.
func (quiet) Errorf(string, ...any) {}

// Fatalf stops what can't go on: the process restarts from what is on the disk.
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf("spool: "+format, args...)) }
