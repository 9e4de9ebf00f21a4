package commands_test

import (
	"context"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// deafStore is an event store whose subscriptions may silently hear nothing more, as over a connection that is open on one
// side only. It counts readings.
type deafStore struct {
	*embedded.Store
	deaf  chan struct{} // closed when it is
	reads atomic.Int64
}

func (s *deafStore) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	s.reads.Add(1)
	return s.Store.ReadStream(ctx, stream, from, dir, limit)
}

func (s *deafStore) Subscribe(ctx context.Context, from eventstore.Position) (eventstore.Subscription, error) {
	sub, err := s.Store.Subscribe(ctx, from)
	return &deafSubscription{sub, s}, err
}

type deafSubscription struct {
	eventstore.Subscription
	store *deafStore
}

func (s *deafSubscription) Next(ctx context.Context) (eventstore.Batch, error) {
	b, err := s.Subscription.Next(ctx)
	select {
	case <-s.store.deaf:
		<-ctx.Done()
		return eventstore.Batch{}, ctx.Err()
	default:
		return b, err
	}
}

// A key that another node has revoked counted on a node that did not hear of it until its connection was given up: a minute.
func TestANodeThatHearsNothingBelievesItsMemoryForASecond(t *testing.T) {
	w := newWorld(t, "sandbox")
	store := &deafStore{Store: w.store, deaf: make(chan struct{})}
	log := eventstore.NewLog(store, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New)
	node := w.nodeOn(log, time.Millisecond)
	issued, err := w.write.IssueKey(t.Context(), w.merchant, domain.ModeTest, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = node.Follow(ctx)
	}()
	authenticate := func() error {
		_, err := node.Authenticate(t.Context(), issued.Key)
		return err
	}
	within(t, "the key is answered from memory", func() bool {
		before := store.reads.Load()
		return authenticate() == nil && store.reads.Load() == before
	})
	close(store.deaf)
	if _, err := w.write.RevokeKey(t.Context(), issued.Key); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Second)
	if err := authenticate(); domain.CodeOf(err) != domain.CodeUnauthorized {
		t.Errorf("a second after it was revoked elsewhere: %v", err)
	}
	stop()
	<-ended
}

// within waits for a condition.
func within(t *testing.T, what string, met func() bool) {
	t.Helper()
	over := time.NewTimer(20 * time.Second)
	defer over.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-over.C:
			t.Fatal(what + ": not within 20 s")
		}
	}
}

// endingStore is an event store in whose second reading the reader's patience ends.
type endingStore struct {
	*embedded.Store
	reads atomic.Int64
	end   func()
}

func (s *endingStore) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	if s.reads.Add(1) < 2 {
		return s.Store.ReadStream(ctx, stream, from, dir, limit)
	}
	s.end()
	<-ctx.Done()
	return nil, ctx.Err()
}

// A twin waits for the answer to the first request's push. Its patience ended in the middle of a reading now and then, which
// takes a while when the log is another machine's, and it was answered that payments can't be recorded.
func TestATwinWhosePatienceEndsInAReadingIsToldWhatIsKnown(t *testing.T) {
	w := newWorld(t, "sandbox")
	hold := make(chan struct{})
	w.daraja.be(func(d *daraja) { d.hold = hold })
	w.wait.Go(func() {
		_, _ = w.post("/api/mpesa/stk-push", `{"amount":5,"phone_number":"254712345678","reference":"R"}`)
	})
	defer close(hold)
	within(t, "the push is on its way", func() bool { return len(w.daraja.pushed()) == 1 })
	url, _ := w.daraja.pushed()[0]["CallBackURL"].(string)
	name, err := hex.DecodeString(strings.Split(url, "/")[5])
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log := eventstore.NewLog(&endingStore{Store: w.store, end: stop}, eventstore.NewCodec(w.ring, eventstore.Catalogue()), w.clock.now, uuid.New)
	out, err := w.nodeOn(log, 0).AwaitPush(ctx, transaction.Reference(name))
	if err != nil || string(out.State.Reference) != string(name) {
		t.Errorf("%q, %v", out.State.Reference, err)
	}
}
