package esdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// A subscription asks the server to leave out what is not ours, in windows of so many events, and to tell after so many
// windows how far it has looked.
const (
	searchWindow       = 64
	checkpointInterval = 4
)

// errGone ends what runs on a link that was retired.
var errGone = errors.New("the connection was given up")

// receiver is told what a subscription on one connection delivers. An error of its ends that.
type receiver struct {
	event      func(context.Context, *client.RecordedEvent) error
	checkpoint func(eventstore.Position)
	caughtUp   func() error
}

// receive subscribes after from and passes on what comes, on one connection, until that is lost or the receiver fails.
func (s *Store) receive(ctx context.Context, from eventstore.Position, filter client.SubscriptionFilter, to receiver) error {
	l, err := s.links.get(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	entered, leave, ok := l.enter(ctx)
	if !ok {
		return fmt.Errorf("%w: the connection was lost", eventstore.ErrUnavailable)
	}
	defer leave()
	go func() {
		select {
		case <-l.gone:
			cancel(errGone)
		case <-ctx.Done():
		}
	}()
	// A server that accepts and never confirms is not waited for longer than for any other answer.
	unconfirmed := time.AfterFunc(s.options.Attempt, func() { cancel(context.DeadlineExceeded) })
	defer unconfirmed.Stop()
	events, err := l.client.SubscribeToAll(entered, client.SubscribeToAllOptions{
		From: placeAt(from), MaxSearchWindow: searchWindow, CheckpointInterval: checkpointInterval, Filter: &filter, RequiresLeader: true,
	})
	if err != nil {
		return s.cutOff(ctx, l, err)
	}
	unconfirmed.Stop()
	defer func() { _ = events.Close() }()
	for {
		got := events.Recv()
		switch {
		case got.EventAppeared != nil:
			err = to.event(ctx, got.EventAppeared.Event)
		case got.CheckPointReached != nil:
			to.checkpoint(eventstore.Position(got.CheckPointReached.Commit))
		case got.CaughtUp != nil:
			err = to.caughtUp()
		case got.SubscriptionDropped != nil:
			return s.cutOff(ctx, l, got.SubscriptionDropped.Error)
		}
		if err != nil {
			return err
		}
	}
}

// cutOff is the error of a subscription whose connection failed.
func (s *Store) cutOff(ctx context.Context, l *link, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errGone) || errors.Is(cause, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", eventstore.ErrUnavailable, cause)
		if !errors.Is(cause, errGone) {
			l.retire()
		}
	}
	if v, _ := judge(err); v == broken {
		l.retire()
	}
	return err
}

// walk is a subscription that ends when it has caught up.
type walk struct {
	store  *Store
	filter client.SubscriptionFilter
}

// errCaughtUp ends a walk.
var errCaughtUp = errors.New("caught up")

// run calls fn with every event that the filter picks. When the connection is lost it goes on after the last one, and
// gives up when it has not got on for as long as Options.Deadline.
func (w walk) run(ctx context.Context, fn func(*client.RecordedEvent)) error {
	s := w.store
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)() //nolint:contextcheck // Close ends it too
	from := eventstore.Position(0)
	to := receiver{
		event: func(_ context.Context, e *client.RecordedEvent) error {
			if at := eventstore.Position(e.Position.Commit); at > from {
				from = at
				fn(e)
			}
			return nil
		},
		checkpoint: func(p eventstore.Position) { from = max(from, p) },
		caughtUp:   func() error { return errCaughtUp },
	}
	stuck := time.Now()
	for failures := 0; ; failures++ {
		before := from
		err := s.receive(ctx, from, w.filter, to)
		if errors.Is(err, errCaughtUp) {
			return nil
		}
		if from > before {
			stuck, failures = time.Now(), 0
		}
		verdict, err := judge(err)
		if time.Since(stuck) > s.options.Deadline {
			return err
		}
		if err := s.again(ctx, ctx, failures, verdict, err); err != nil {
			return err
		}
	}
}
