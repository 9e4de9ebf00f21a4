package esdb

import (
	"context"
	"fmt"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// ordered takes appends in order, over one connection for its whole life.
type ordered struct {
	store *Store
	link  *link
}

// InOrder is where appends are begun in order, all over one call on the connection of the moment. The protocol promises an
// order only within a stream. KurrentDB handles the requests of a call one after another, and esdbserver hands them to the
// engine as they arrive; what the answers' positions say is for the caller to look at.
func (s *Store) InOrder(ctx context.Context) (eventstore.OrderedAppends, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	l, err := s.links.get(ctx)
	if err != nil {
		_, err = judge(err)
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &ordered{s, l}, nil
}

// BeginAppend sends an append behind those before it. To a server that takes no appends over one call it makes a call, and
// waits for it. Nothing is made again.
func (o *ordered) BeginAppend(
	ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent,
) (func(context.Context) (eventstore.Appended, error), error) {
	s, l := o.store, o.link
	if l.pipe == nil || len(events) == 0 {
		done, err := s.Append(ctx, stream, expected, events...)
		return func(context.Context) (eventstore.Appended, error) { return done, err }, nil
	}
	if err := checkAppend(stream, expected, events); err != nil {
		return nil, err
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	before, err := s.seenBefore(ctx)
	if err != nil {
		return nil, err
	}
	sending, cancel := context.WithTimeout(ctx, s.options.Attempt)
	defer cancel()
	proposed := proposals(events)
	began := time.Now()
	sent, err := l.pipe.start(sending, stream, expected, proposed)
	if err != nil {
		s.suspect(sending, l, began, err)
		_, err = judge(err)
		return nil, fmt.Errorf("append to %s: %w", stream, err)
	}
	return func(ctx context.Context) (eventstore.Appended, error) {
		answering, cancel := context.WithTimeout(ctx, s.options.Attempt)
		defer cancel()
		began := time.Now()
		done, err := sent.wait(answering)
		if err == nil {
			placed, err := s.placed(ctx, stream, done)
			if err != nil {
				return eventstore.Appended{}, err
			}
			return s.appended(stream, placed, before), nil
		}
		s.suspect(answering, l, began, err)
		v, failed := judge(err)
		switch {
		case v == wrongRevision:
			return s.refusal(ctx, stream, expected, proposed, true, err)
		case ctx.Err() != nil:
			return eventstore.Appended{}, ctx.Err()
		case s.life.Err() != nil:
			return eventstore.Appended{}, eventstore.ErrClosed
		}
		return eventstore.Appended{}, fmt.Errorf("append to %s: %w", stream, failed)
	}, nil
}
