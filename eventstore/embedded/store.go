package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// freezePatience is how long Close waits for a disk that failed to answer what was asked of it before.
const freezePatience = 10 * time.Second

// Store is the embedded engine over one folder. Its methods may be called from any goroutine.
type Store struct {
	dir       string
	options   Options
	db        *pebble.DB
	cache     *pebble.Cache
	guard     *guardFS
	lock      *ownerLock
	watermark *watermark
	meta      meta

	failure     *failure
	queue       *queue
	pacing      *pacing
	keys        *pendingKeys
	ring        *ring
	groups      chan *group
	spareGroups chan *group
	stats       counters
	streams     *streamFilter

	// closing is closed when Close begins. alive is held for reading by who uses db.
	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
	alive     sync.RWMutex
	// working are the goroutines of a healthy store.
	working sync.WaitGroup
}

var (
	_ eventstore.Store           = (*Store)(nil)
	_ eventstore.KeyStore        = (*Store)(nil)
	_ eventstore.OrderedAppender = (*Store)(nil)
)

// Open opens the event store in the folder dir, and creates both when they are missing. Errors: ErrUnavailable when
// the folder can't be written, another process has it, or a newer Kipay wrote it, ErrCorrupt when it contradicts itself.
func Open(dir string, options Options) (_ *Store, err error) {
	options = options.withDefaults()
	s := &Store{
		dir: dir, options: options, failure: newFailure(options.Logf), queue: newQueue(), pacing: newPacing(), keys: newPendingKeys(),
		groups: make(chan *group, maxGroupsInFlight), spareGroups: make(chan *group, maxGroupsInFlight),
		closing: make(chan struct{}),
	}
	fs := options.FS
	if fs == nil {
		fs = vfs.Default
		if s.lock, err = lockFolder(dir); err != nil {
			return nil, err
		}
	}
	s.guard = newGuardFS(fs, s.failure)
	head, err := s.start()
	if err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	s.ring = newRing(head, options.RingEvents, options.RingBytes)
	s.streams = newStreamFilter(head)
	before, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{streamSpace}, UpperBound: []byte{streamSpace + 1}})
	if err != nil {
		return nil, errors.Join(readError("list the streams", err), s.abandon())
	}
	s.working.Go(func() { s.learnStreams(before) })
	s.working.Go(newCommitter(s, head).run)
	s.working.Go(s.publish)
	return s, nil
}

// inspect reads what a start needs: the folder's version and the head of the log.
func (s *Store) inspect() (eventstore.Position, error) {
	if err := s.loadMeta(); err != nil {
		return 0, err
	}
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{logSpace}, UpperBound: []byte{logSpace + 1}})
	if err != nil {
		return 0, readError("find the end of the log", err)
	}
	defer func() { _ = iter.Close() }()
	if !iter.Last() {
		return 0, readError("find the end of the log", iter.Error())
	}
	head, ok := positionOf(iter.Key())
	rec, err := decodeRecord(iter.Value())
	if err != nil || !ok || rec.Position != head {
		return 0, fmt.Errorf("%w: the newest record, key %x, is not what its key says: %w", eventstore.ErrCorrupt, iter.Key(), err)
	}
	if pos, err := s.indexed(appendStreamKey(nil, rec.Stream, rec.Revision)); err != nil || pos != head {
		return 0, fmt.Errorf("%w: the newest record, %d, is not in the index of %s (%d there): %w", eventstore.ErrCorrupt,
			head, rec.Stream, pos, err)
	}
	return head, nil
}

// ID is the folder's own id, drawn when it was created.
func (s *Store) ID() uuid.UUID { return s.meta.ID }

// Dir is the folder.
func (s *Store) Dir() string { return s.dir }

// Created is when the folder was created, UTC.
func (s *Store) Created() time.Time { return s.meta.Created }

// Failed is closed when the store stops taking appends; Stats says why.
func (s *Store) Failed() <-chan struct{} { return s.failure.tripped }

// Head is the position of the newest durable event, zero in an empty store.
func (s *Store) Head(ctx context.Context) (eventstore.Position, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	return s.ring.Head(), nil
}

// usable is the error of a call that comes after its context's end or after Close.
func (s *Store) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return eventstore.ErrClosed
	default:
		return nil
	}
}

// enter begins a use of db outside the committer; leave ends it. In between Close waits.
func (s *Store) enter() error {
	s.alive.RLock()
	select {
	case <-s.closing:
		s.alive.RUnlock()
		return eventstore.ErrClosed
	default:
		return nil
	}
}

func (s *Store) leave() { s.alive.RUnlock() }

// Close carries out what was queued, closes the folder and gives it up. Calls after it answer ErrClosed. A store that
// failed leaves the folder as it is.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.queue.close()
		done := make(chan struct{})
		go func() {
			s.working.Wait()
			close(done)
		}()
		select {
		case <-done:
			s.closeErr = s.closePebble()
		case <-s.failure.tripped:
			s.closeErr = s.abandon()
		}
	})
	return s.closeErr
}

// closePebble closes a healthy folder; should it fail meanwhile, it is left as it is.
func (s *Store) closePebble() error {
	closed := make(chan error, 1)
	go func() {
		s.alive.Lock() // who entered before has to leave
		defer s.alive.Unlock()
		closed <- errors.Join(s.watermark.Close(), s.db.Close())
	}()
	select {
	case err := <-closed:
		s.cache.Unref()
		return errors.Join(err, s.lock.Close())
	case <-s.failure.tripped:
		return s.abandon()
	}
}

// abandon leaves the folder as it is, once nothing changes it any more, and gives it up.
func (s *Store) abandon() error {
	if err := s.guard.freeze(freezePatience); err != nil {
		return err
	}
	return errors.Join(s.guard.unlock(), s.lock.Close())
}
