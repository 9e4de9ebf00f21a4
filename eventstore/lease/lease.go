package lease

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// Defaults: a node takes over at the latest TTL and one Poll after another has gone without a word: 8 s.
const (
	DefaultTTL   = 7 * time.Second
	DefaultRenew = 2500 * time.Millisecond
	DefaultPoll  = time.Second
)

// Options are what a lease is made of. Store, Role and Node have no default.
type Options struct {
	Store eventstore.Store
	// Role is what is leased: letters and digits.
	Role string
	// Node names who holds it; no two processes have the same.
	Node string
	// TTL is how long a holder that renews nothing keeps the lease.
	TTL time.Duration
	// Renew is how often a holder renews it; Poll how often one that stands by looks.
	Renew, Poll time.Duration
	// Now is a clock that never goes back within the process; NewID makes event ids.
	Now   func() time.Time
	NewID func() uuid.UUID
	// Changed is told when this node takes the lease, loses it or gives it back, and Failed what went wrong meanwhile and
	// is tried again; both may be nil.
	Changed func(held bool)
	Failed  func(err error)
}

// Lease is one node's side of a lease.
type Lease struct {
	Options
	held atomic.Bool
}

// New is a lease that is not held. Run takes it.
func New(o Options) *Lease {
	if o.TTL <= 0 {
		o.TTL = DefaultTTL
	}
	if o.Renew <= 0 {
		o.Renew = min(DefaultRenew, o.TTL/3)
	}
	if o.Poll <= 0 {
		o.Poll = min(DefaultPoll, o.TTL/4)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.New
	}
	if o.Changed == nil {
		o.Changed = func(bool) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	return &Lease{Options: o}
}

// Held tells whether this node holds the lease, as far as it knows.
func (l *Lease) Held() bool { return l.held.Load() }

// fence is how long before its lease can be taken a holder has stopped working.
func (l *Lease) fence() time.Duration { return l.TTL / 7 }

// Run waits for the lease, does the work while it holds it, and does so again when it has lost it, until ctx ends, which
// gives the lease back. It returns nil then, and the work's own error when the work ended with one before.
func (l *Lease) Run(ctx context.Context, work func(ctx context.Context) error) error {
	for {
		h, ok := l.acquire(ctx)
		if !ok {
			return nil
		}
		l.turn(true)
		err := l.hold(ctx, h, work)
		l.turn(false)
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
}

func (l *Lease) turn(held bool) {
	l.held.Store(held)
	l.Changed(held)
}

// held is a lease in hand.
type held struct {
	revision eventstore.Revision
	since    time.Time // when the append that holds it began
}

// acquire returns with the lease, or false when ctx ends.
func (l *Lease) acquire(ctx context.Context) (held, bool) {
	var seen register
	var since time.Time // when seen was first read, zero before the first
	for ctx.Err() == nil {
		now, err := l.read(ctx)
		if err != nil {
			l.complain(ctx, err)
		} else {
			if since.IsZero() || now != seen {
				seen, since = now, l.Now()
			}
			if seen.released || seen.node == l.Node || l.Now().Sub(since) >= l.TTL {
				if h, ok := l.take(ctx, seen.revision); ok {
					return h, true
				}
			}
		}
		if !wait(ctx, l.Poll) {
			break
		}
	}
	return held{}, false
}

func (l *Lease) take(ctx context.Context, after eventstore.Revision) (held, bool) {
	e, err := l.event(typeTaken)
	if err != nil {
		l.complain(ctx, err)
		return held{}, false
	}
	began := l.Now()
	call, cancel := context.WithTimeout(ctx, l.TTL-l.fence())
	defer cancel()
	revision, err := l.append(call, after, e)
	if err != nil {
		if !errors.Is(err, eventstore.ErrWrongRevision) { // else another was first
			l.complain(ctx, err)
		}
		return held{}, false
	}
	return held{revision, began}, true
}

// renewal is what came of an attempt to renew.
type renewal struct {
	held
	err error
}

// hold does the work until it ends, ctx does, or the lease is lost.
func (l *Lease) hold(ctx context.Context, h held, work func(ctx context.Context) error) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- work(inner) }()

	expiry := time.NewTimer(l.left(h))
	defer expiry.Stop()
	next := time.NewTimer(l.Renew)
	defer next.Stop()
	answers := make(chan renewal, 1)
	var pending eventstore.NewEvent // being appended, or perhaps appended
	var since time.Time             // when it was first: whoever stands by may have seen it then
	renewing := false
	for {
		select {
		case err := <-done:
			stop()
			if renewing {
				if r := <-answers; r.err == nil {
					h = r.held
				}
			}
			l.release(ctx, h)
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-next.C:
			var err error
			if pending.ID == (uuid.UUID{}) {
				if pending, err = l.event(typeRenewed); err != nil {
					l.complain(ctx, err)
				}
				since = l.Now()
			}
			renewing = true
			go func(after held, e eventstore.NewEvent, began time.Time) {
				call, cancel := context.WithTimeout(inner, max(0, min(l.left(after), l.TTL/6))) // so that there is time for another
				defer cancel()
				revision, err := l.append(call, after.revision, e)
				answers <- renewal{held{revision, began}, err}
			}(h, pending, since)
		case r := <-answers:
			renewing = false
			switch {
			case r.err == nil:
				h, pending = r.held, eventstore.NewEvent{}
				expiry.Reset(l.left(h))
				next.Reset(min(l.Renew, max(0, l.left(h)/2)))
			case errors.Is(r.err, eventstore.ErrWrongRevision):
				stop()
				return l.lost(<-done)
			default:
				l.complain(inner, r.err)
				next.Reset(l.Poll / 4) // the same event again, which is appended once
			}
		case <-expiry.C:
			stop()
			err := <-done
			if renewing {
				<-answers
			}
			return l.lost(err)
		}
	}
}

// lost is what the work's end means when the lease was lost: its context was cancelled, which is no failure.
func (l *Lease) lost(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// left is how long the holder may go on without another renewal.
func (l *Lease) left(h held) time.Duration { return l.TTL - l.fence() - l.Now().Sub(h.since) }

// release gives the lease back, so that nobody has to wait for its end. It is no matter if that fails.
func (l *Lease) release(ctx context.Context, h held) {
	e, err := l.event(typeReleased)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(l.Poll, l.TTL))
	defer cancel()
	_, _ = l.append(ctx, h.revision, e)
}

func (l *Lease) complain(ctx context.Context, err error) {
	if ctx.Err() == nil {
		l.Failed(err)
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
