package embedded

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/benfex/kipay/eventstore"
)

// Subscription is a subscription to the embedded engine. It has no goroutine and no queue of its own: Next takes from
// the ring what is recent and from disk what is not, so a slow subscriber costs its position and nothing else.
type Subscription struct {
	store *Store
	ctx   context.Context //nolint:containedctx // the contract ties the subscription's life to it
	// next is the position to deliver next; live tells that CaughtUp was said and no record came from disk since.
	next eventstore.Position
	live bool

	// waiting tells that the ring has the subscription on its list. The ring's mutex guards it.
	waiting bool

	wake   chan struct{}
	once   sync.Once
	closed chan struct{}
}

var _ eventstore.Subscription = (*Subscription)(nil)

// Subscribe delivers every event after from. From EndPosition it delivers what comes after the present head. Any other
// position past the head is ErrInvalid: it was stored against another log, and waiting would skip events.
func (s *Store) Subscribe(ctx context.Context, from eventstore.Position) (eventstore.Subscription, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	head := s.ring.Head()
	if from == eventstore.EndPosition {
		from = head
	}
	if from > head {
		return nil, fmt.Errorf("%w: subscribe after position %d: the log ends at %d; was this position stored for "+
			"another log, or the log restored from an older backup?", eventstore.ErrInvalid, from, head)
	}
	s.stats.subscriptions.Add(1)
	return &Subscription{
		store: s, ctx: ctx, next: from + 1, wake: make(chan struct{}, 1), closed: make(chan struct{}),
	}, nil
}

// Next waits for the next batch, as the contract says. When the store failed it delivers what is durable first and
// then answers ErrUnavailable.
func (sub *Subscription) Next(ctx context.Context) (eventstore.Batch, error) {
	for {
		if err := sub.usable(ctx); err != nil {
			return eventstore.Batch{}, err
		}
		batch, ready, err := sub.take(ctx)
		if ready || err != nil {
			return batch, err
		}
		if err := sub.store.failure.Err(); err != nil {
			return eventstore.Batch{}, err
		}
		select {
		case <-sub.wake:
		case <-ctx.Done():
		case <-sub.ctx.Done():
		case <-sub.closed:
		case <-sub.store.closing:
		case <-sub.store.failure.tripped:
		}
	}
}

// take is what there is to deliver now. When there is nothing the subscription has been put down to be woken.
func (sub *Subscription) take(ctx context.Context) (batch eventstore.Batch, ready bool, err error) {
	r := sub.store.ring
	r.mu.Lock()
	head := r.next - 1
	switch {
	case sub.next > head && !sub.live:
		r.mu.Unlock()
		sub.live = true
		return eventstore.Batch{CaughtUp: true, Checkpoint: sub.next - 1}, true, nil
	case sub.next > head:
		sub.drain()
		if !sub.waiting {
			sub.waiting = true
			r.waiting = append(r.waiting, sub)
		}
		r.mu.Unlock()
		return eventstore.Batch{}, false, nil
	case sub.next >= r.first:
		batch.Records = r.copyFrom(sub.next)
		r.mu.Unlock()
	default:
		r.mu.Unlock()
		sub.live = false
		if batch.Records, err = sub.store.readChunk(ctx, sub.next, head); err != nil {
			return eventstore.Batch{}, false, err
		}
	}
	batch.Checkpoint = batch.Records[len(batch.Records)-1].Position
	sub.next = batch.Checkpoint + 1
	if sub.next > head && !sub.live {
		sub.live, batch.CaughtUp = true, true
	}
	return batch, true, nil
}

func (sub *Subscription) usable(ctx context.Context) error {
	select {
	case <-sub.closed:
		return fmt.Errorf("subscription: %w", eventstore.ErrClosed)
	default:
	}
	if err := sub.ctx.Err(); err != nil {
		return err
	}
	return sub.store.usable(ctx)
}

// poke wakes the subscription. The ring's mutex is held.
func (sub *Subscription) poke() {
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

// drain takes back a poke that came while nobody waited.
func (sub *Subscription) drain() {
	select {
	case <-sub.wake:
	default:
	}
}

// Close ends the subscription.
func (sub *Subscription) Close() error {
	sub.once.Do(func() {
		close(sub.closed)
		sub.store.stats.subscriptions.Add(-1)
		sub.store.ring.forget(sub)
	})
	return nil
}

// forget takes a subscription that was closed off the list of those to wake.
func (r *ring) forget(sub *Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, sub); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
	sub.waiting = false
}
