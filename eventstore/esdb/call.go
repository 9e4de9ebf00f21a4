package esdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// suspicion is the part of an attempt that a call must have waited in vain before its connection is no longer trusted.
const suspicion = 2

// result is what an attempt came to.
type result[T any] struct {
	value T
	err   error
}

// attempt makes a call once, on the link of the moment, and waits for it no longer than Options.Attempt. sent tells
// that it may have reached the server.
func attempt[T any](ctx context.Context, s *Store, call func(context.Context, *link) (T, error)) (value T, sent bool, err error) {
	l, err := s.links.get(ctx)
	if err != nil {
		return value, false, err
	}
	return attemptOn(ctx, s, l, call)
}

// attemptOn is attempt on a link.
func attemptOn[T any](ctx context.Context, s *Store, l *link, call func(context.Context, *link) (T, error)) (value T, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Attempt)
	defer cancel()
	entered, leave, ok := l.enter(ctx)
	if !ok {
		return value, false, fmt.Errorf("%w: the connection was lost", eventstore.ErrUnavailable)
	}
	// The client does not always heed the context (link.go): whoever waits here does.
	began := time.Now()
	answer := make(chan result[T], 1)
	go func() {
		defer leave()
		value, err := call(entered, l)
		answer <- result[T]{value, err}
	}()
	select {
	case got := <-answer:
		value, err = got.value, got.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.life.Done():
		return value, true, eventstore.ErrClosed
	}
	s.suspect(ctx, l, began, err)
	return value, true, err
}

// suspect retires the link if what came of a call on it gives reason to.
func (s *Store) suspect(ctx context.Context, l *link, began time.Time, err error) {
	if err == nil {
		return
	}
	verdict, _ := judge(err)
	silent := errors.Is(ctx.Err(), context.DeadlineExceeded) && time.Since(began) >= s.options.Attempt/suspicion
	if verdict == broken || verdict == unknown && silent {
		l.retire()
	}
}

// until is the context of a call with all its attempts: bounded by Options.Deadline, or by the caller's own bound where that
// is nearer. A request that may take half a minute must not spend it on one call to a server that is away.
func (s *Store) until(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.options.Deadline)
}

// usable is the error of a call that comes after its context's end or after Close.
func (s *Store) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.life.Err() != nil {
		return eventstore.ErrClosed
	}
	return nil
}

// again decides what becomes of a call after a failed attempt: nil to make it again, after a pause, or the error to
// answer. outer is the caller's context, ctx the one that until made of it.
func (s *Store) again(outer, ctx context.Context, failures int, v verdict, err error) error {
	switch {
	case s.life.Err() != nil:
		return eventstore.ErrClosed
	case outer.Err() != nil:
		return endedWith(outer.Err(), err)
	case v != unknown && v != broken:
		return err
	case ctx.Err() != nil:
		return err
	}
	timer := time.NewTimer(s.options.pause(failures))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.life.Done():
		return eventstore.ErrClosed
	case <-ctx.Done():
		if outer.Err() != nil {
			return endedWith(outer.Err(), err)
		}
		return err
	}
}

// endedWith is the error of a call that its context ended, with what was in the way until then.
func endedWith(ended, err error) error {
	if !errors.Is(ended, context.DeadlineExceeded) {
		return ended
	}
	if !errors.Is(err, eventstore.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	return fmt.Errorf("%w (%w)", err, ended)
}

// repeatable makes a call that changes nothing, or nothing twice, until it is answered.
func repeatable[T any](outer context.Context, s *Store, call func(context.Context, *link) (T, error)) (T, error) {
	var none T
	if err := s.usable(outer); err != nil {
		return none, err
	}
	ctx, cancel := s.until(outer)
	defer cancel()
	for failures := 0; ; failures++ {
		value, _, err := attempt(ctx, s, call)
		if err == nil {
			return value, nil
		}
		verdict, err := judge(err)
		if err := s.again(outer, ctx, failures, verdict, err); err != nil {
			return none, err
		}
	}
}
