package projectionstest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// Install is an event store with keys, and a clock that tests move.
type Install struct {
	Store *embedded.Store
	Log   *eventstore.Log
	Ring  *eventstore.Keyring

	mu  sync.Mutex
	now time.Time
	ids int64
}

// NewInstall is an empty install.
func NewInstall(t testing.TB) *Install {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	master, err := eventstore.ParseMasterKeys(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")))
	if err != nil {
		t.Fatal(err)
	}
	i := &Install{Store: store, now: time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)}
	i.Ring = eventstore.NewKeyring(store, master, rand.Reader)
	codec := eventstore.NewCodec(i.Ring, eventstore.Catalogue())
	i.Log = eventstore.NewLog(store, codec, i.Now, uuid.New)
	return i
}

// Now is the install's clock: it moves a millisecond at every look.
func (i *Install) Now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = i.now.Add(time.Millisecond)
	return i.now
}

// Set moves the clock.
func (i *Install) Set(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.now = now
}

// NextID is a number that no other thing of the install has.
func (i *Install) NextID() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ids++
	return i.ids
}

// Head is the newest position.
func (i *Install) Head(t testing.TB) eventstore.Position {
	t.Helper()
	head, err := i.Store.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// Do folds, decides and appends, and answers the state afterwards and the position of the last event.
func Do[S domain.State[S]](t testing.TB, i *Install, merchantID int64, stream string, cmd domain.Command[S]) (S, eventstore.Position) {
	t.Helper()
	s, at, err := try(i, merchantID, stream, cmd)
	if err != nil {
		t.Fatalf("%T on %s: %v", cmd, stream, err)
	}
	return s, at
}

func try[S domain.State[S]](i *Install, merchantID int64, stream string, cmd domain.Command[S]) (S, eventstore.Position, error) {
	ctx := context.Background()
	var s S
	revision, at := eventstore.NoStream, eventstore.Position(0)
	err := i.Log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		s, revision, at = s.Evolve(e.Event), e.Revision, e.Position
		return nil
	})
	if err != nil {
		return s, 0, err
	}
	events, err := cmd.Decide(s)
	if err != nil || len(events) == 0 {
		return s, at, err
	}
	meta := eventstore.Metadata{Actor: "key:test", Merchant: merchantID, CorrelationID: uuid.NewString()}
	done, _, err := i.Log.Append(ctx, stream, revision, meta, events...)
	if err != nil {
		return s, 0, err
	}
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s, done.Position, nil
}
