package esdb

import (
	"context"
	"fmt"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// Subscribe delivers every event of ours after from. From EndPosition it delivers what comes after the present end. Any
// other position past the end is ErrInvalid: it was stored for another log, and waiting would skip events.
func (s *Store) Subscribe(ctx context.Context, from eventstore.Position) (eventstore.Subscription, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	end, err := s.logEnd(ctx)
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	if from == eventstore.EndPosition {
		from = end
	}
	if from > end && s.readsLeader() {
		return nil, fmt.Errorf("%w: subscribe after position %d: the log ends at %d; was this position stored for another log, "+
			"or the log restored from an older backup?", eventstore.ErrInvalid, from, end)
	}
	sub := newSubscription(s, ctx, from)
	go sub.run()
	return sub, nil
}

// readsLeader tells that reads see all that was acknowledged: a follower may lag behind.
func (s *Store) readsLeader() bool { return s.config.NodePreference == client.NodePreferenceLeader }

// run keeps the subscription connected until it ends.
func (sub *subscription) run() {
	defer sub.cancel()
	s := sub.store
	for failures := 0; ; failures++ {
		before := sub.buffer.reached()
		err := sub.follow()
		if sub.life.Err() != nil {
			return // Next says why
		}
		verdict, err := judge(err)
		if verdict != unknown && verdict != broken {
			sub.buffer.fail(fmt.Errorf("subscription: %w", err))
			return
		}
		if sub.buffer.reached() > before {
			failures = 0
		}
		if failures == 0 {
			s.options.Logf("event store: a subscription was cut off after position %d: %v; connecting again", sub.buffer.reached(), err)
		}
		select {
		case <-time.After(s.options.pause(failures)):
		case <-sub.life.Done():
			return
		}
	}
}

// follow is one connection's part of the subscription. It goes on after what was delivered last.
func (sub *subscription) follow() error {
	from := sub.buffer.reached()
	if from > 0 && sub.store.readsLeader() {
		// A log that ends before this was put back to an older state. To wait until it has grown past would skip events: whoever
		// subscribed begins again, and looks first where.
		end, err := sub.store.logEnd(sub.life)
		if err != nil {
			return err
		}
		if end < from {
			return fmt.Errorf("%w: the log ends at %d, before position %d that it had", eventstore.ErrInvalid, end, from)
		}
	}
	return sub.store.receive(sub.life, from, client.SubscriptionFilter{Type: client.StreamFilterType, Regex: visibleStreams()}, receiver{
		event: sub.deliver, checkpoint: sub.buffer.checkpoint, caughtUp: func() error { sub.buffer.caughtUp(); return nil },
	})
}

// deliver puts an event into the buffer, and waits for room there: the server is not read from meanwhile.
func (sub *subscription) deliver(ctx context.Context, e *client.RecordedEvent) error {
	if !visible(e) {
		sub.buffer.checkpoint(eventstore.Position(e.Position.Commit))
		return nil
	}
	rec := recordOf(e)
	sub.store.heads.note(rec.Position)
	return sub.buffer.add(ctx, rec)
}
