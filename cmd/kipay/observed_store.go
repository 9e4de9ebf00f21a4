package main

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/benfex/kipay/eventstore"
)

// observedStore counts the failures of an event store. A revision that another writer has passed is none, nor is a caller
// who stops waiting.
type observedStore struct {
	engine
	failures *prometheus.CounterVec
}

func observe(e engine, m *meter) engine { return &observedStore{e, m.storeFailures} }

func (s *observedStore) count(ctx context.Context, err error) {
	if err == nil || errors.Is(err, eventstore.ErrWrongRevision) || errors.Is(err, eventstore.ErrStreamNotFound) ||
		errors.Is(err, eventstore.ErrKeyNotFound) || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	kind := "other"
	for _, k := range []struct {
		is   error
		kind string
	}{
		{eventstore.ErrTooLarge, "too_large"},
		{eventstore.ErrInvalid, "invalid"},
		{eventstore.ErrCorrupt, "corrupt"},
		{eventstore.ErrClosed, "closed"},
		{eventstore.ErrUnavailable, "unavailable"},
		{context.DeadlineExceeded, "deadline"},
	} {
		if errors.Is(err, k.is) {
			kind = k.kind
			break
		}
	}
	s.failures.WithLabelValues(kind).Inc()
}

// Append is the engine's.
func (s *observedStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	done, err := s.engine.Append(ctx, stream, expected, events...)
	s.count(ctx, err)
	return done, err
}

// ReadStream is the engine's.
func (s *observedStore) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	records, err := s.engine.ReadStream(ctx, stream, from, dir, limit)
	s.count(ctx, err)
	return records, err
}

// ReadAll is the engine's.
func (s *observedStore) ReadAll(ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	records, err := s.engine.ReadAll(ctx, from, dir, limit)
	s.count(ctx, err)
	return records, err
}

// Head is the engine's.
func (s *observedStore) Head(ctx context.Context) (eventstore.Position, error) {
	head, err := s.engine.Head(ctx)
	s.count(ctx, err)
	return head, err
}

// Subscribe is the engine's.
func (s *observedStore) Subscribe(ctx context.Context, from eventstore.Position) (eventstore.Subscription, error) {
	sub, err := s.engine.Subscribe(ctx, from)
	s.count(ctx, err)
	return sub, err
}

// GetKey is the engine's.
func (s *observedStore) GetKey(ctx context.Context, name string) ([]byte, error) {
	key, err := s.engine.GetKey(ctx, name)
	s.count(ctx, err)
	return key, err
}

// PutKeyIfAbsent is the engine's.
func (s *observedStore) PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	key, err := s.engine.PutKeyIfAbsent(ctx, name, wrapped)
	s.count(ctx, err)
	return key, err
}
