package esdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/benfex/kipay/eventstore"
)

// subscription is a subscription to the server. One goroutine (run) fills its buffer, Next empties it.
type subscription struct {
	store *Store
	ctx   context.Context //nolint:containedctx // the contract ties the subscription's life to it
	// life ends with ctx, Close, or the store's.
	life   context.Context //nolint:containedctx // see ctx
	cancel context.CancelFunc
	buffer *buffer
	once   sync.Once
	closed chan struct{}
}

var _ eventstore.Subscription = (*subscription)(nil)

func newSubscription(s *Store, ctx context.Context, from eventstore.Position) *subscription {
	sub := &subscription{store: s, ctx: ctx, buffer: newBuffer(from), closed: make(chan struct{})}
	sub.life, sub.cancel = context.WithCancel(ctx)
	context.AfterFunc(s.life, sub.cancel) //nolint:contextcheck // Close ends it too
	return sub
}

// Next waits for the next batch, as the contract says. Beside it, a batch may hold nothing but a checkpoint: the server
// has looked so far, and nothing there was ours.
func (sub *subscription) Next(ctx context.Context) (eventstore.Batch, error) {
	for {
		if err := sub.usable(ctx); err != nil {
			return eventstore.Batch{}, err
		}
		if batch, ready, err := sub.buffer.take(); ready || err != nil {
			return batch, err
		}
		select {
		case <-sub.buffer.filled:
		case <-ctx.Done():
		case <-sub.life.Done():
			if err := sub.usable(ctx); err != nil {
				return eventstore.Batch{}, err
			}
			if batch, ready, err := sub.buffer.take(); ready || err != nil { // why run has ended
				return batch, err
			}
			return eventstore.Batch{}, fmt.Errorf("subscription: %w", eventstore.ErrClosed)
		}
	}
}

func (sub *subscription) usable(ctx context.Context) error {
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

// Close ends the subscription.
func (sub *subscription) Close() error {
	sub.once.Do(func() {
		close(sub.closed)
		sub.cancel()
	})
	return nil
}
