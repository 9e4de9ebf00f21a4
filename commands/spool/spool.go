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

// Why a notice is not taken, or not delivered, for errors.Is. The provider must not be told that it was taken.
var (
	// ErrFull: more waits than a spool may hold.
	ErrFull = errors.New("the spool of notices is full")
	// ErrFailed: a write failed. What was taken is safe; nothing more is until the spool is opened again.
	ErrFailed = errors.New("the spool of notices stopped taking any: a write failed")
	// ErrUnreadable: the master key does not open what waits. It waits on for the right one.
	ErrUnreadable = errors.New("a notice in the spool was sealed under another master key")
)

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
	FS     vfs.FS           // the operating system's when nil
	Now    func() time.Time // time.Now when nil
	// Complain is told what keeps notices from being delivered, each time it does; may be nil.
	Complain func(error)
}

// Spool is a queue on disk. Its methods may be called from any goroutine; one at a time may deliver.
type Spool struct {
	options Options
	db      *pebble.DB
	failed  *latch
	opened  time.Time

	mu     sync.Mutex
	next   uint64
	count  int
	parked int
	bytes  int64
	full   func(share int64) bool // in tests
	came   chan struct{}
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
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Complain == nil {
		o.Complain = func(error) {}
	}
	failed := newLatch()
	var db *pebble.DB
	err := failed.guard(func() (err error) {
		db, err = pebble.Open(o.Dir, &pebble.Options{FS: o.FS, MemTableSize: 1 << 20, Logger: failed})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the spool in %s: %w", o.Dir, err)
	}
	s := &Spool{options: o, db: db, failed: failed, opened: o.Now(), came: make(chan struct{}, 1)}
	s.full = func(share int64) bool { return int64(s.count) >= maxNotices/share || s.bytes >= maxBytes/share }
	if err := s.recount(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// recount counts what waits. What was set aside is tried again: a newer program, or the right key, may know what to do with it,
// and what was delivered after all changes nothing.
func (s *Spool) recount() error {
	if err := s.unpark(); err != nil {
		return err
	}
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

// strangersShare is which part of the room notices may fill of which nobody has shown yet that a provider sent them.
const strangersShare = 4

// Add takes a notice in; it is on the disk when Add returns. ErrFull when there is no room.
func (s *Spool) Add(n Notice) error { return s.add(n, 1) }

// AddStrangers is Add for a notice at a door that anyone may call. It leaves room for the others.
func (s *Spool) AddStrangers(n Notice) error { return s.add(n, strangersShare) }

func (s *Spool) add(n Notice, share int64) error {
	plain, err := json.Marshal(n)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.full(share) {
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
	if err := s.failed.guard(func() error { return s.db.Set(key(waiting, at), sealed, pebble.Sync) }); err != nil {
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

// Parked is how many notices were set aside since the spool was opened.
func (s *Spool) Parked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parked
}

// Failed is closed when a write has failed: Add takes nothing more.
func (s *Spool) Failed() <-chan struct{} { return s.failed.tripped }

// Oldest is when the notice that is delivered next came; zero when none waits. Of one that can't be read it is known that it
// came before the spool was opened.
func (s *Spool) Oldest() time.Time {
	at, sealed, found, err := s.first()
	if err != nil || !found {
		return time.Time{}
	}
	var n Notice
	plain, err := s.options.Seal.Open(sealedAs(at), sealed)
	if err != nil || json.Unmarshal(plain, &n) != nil {
		return s.opened
	}
	return n.At
}

// Verdict is what became of a delivery.
type Verdict int

// The verdicts.
const (
	Delivered Verdict = iota // also: refused, as it would have been at once
	Later                    // the event store is away still; all that came after it waits too
	Park                     // it can't be delivered, and a person has to look; it is tried again when the spool is opened
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
	plain, err := s.options.Seal.Open(sealedAs(at), sealed)
	if err != nil {
		s.options.Complain(fmt.Errorf("%w: put that key back: %w", ErrUnreadable, err))
		return false, nil
	}
	var n Notice
	verdict := Park
	if err := json.Unmarshal(plain, &n); err != nil {
		s.options.Complain(fmt.Errorf("a notice in the spool is not what was put there, and is set aside: %w", err))
	} else {
		verdict = to(ctx, n)
	}
	if verdict == Later || ctx.Err() != nil {
		return false, ctx.Err()
	}
	err = s.failed.guard(func() error {
		batch := s.db.NewBatch()
		var err error
		if verdict == Park {
			err = batch.Set(key(parked, at), sealed, nil)
		}
		return errors.Join(err, batch.Delete(key(waiting, at), nil), batch.Commit(pebble.Sync))
	})
	if err != nil {
		return false, fmt.Errorf("take a notice out of the spool: %w", err)
	}
	s.mu.Lock()
	if verdict == Park {
		s.parked++
	}
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

// unpark puts what was set aside back to where it waits.
func (s *Spool) unpark() error {
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{parked}, UpperBound: []byte{parked + 1}})
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	batch := s.db.NewBatch()
	for ok := iter.First(); ok; ok = iter.Next() {
		if k := iter.Key(); len(k) == 1+8 {
			back := append([]byte{waiting}, k[1:]...)
			if err := errors.Join(batch.Set(back, iter.Value(), nil), batch.Delete(k, nil)); err != nil {
				return errors.Join(err, iter.Close(), batch.Close())
			}
		}
	}
	if err := iter.Close(); err != nil {
		return errors.Join(fmt.Errorf("read the spool: %w", err), batch.Close())
	}
	return s.failed.guard(func() error { return batch.Commit(pebble.Sync) })
}

// Close closes the spool; what waits in it stays. After a failure there is nothing to close: the process ends.
func (s *Spool) Close() error {
	select {
	case <-s.failed.tripped:
		return ErrFailed
	default:
		return s.db.Close()
	}
}
