package esdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/storetest"
)

// isolated is a part of a store that looks like an empty one: the suite's tests each want one, and a server has but one.
// Streams and keys bear a prefix, and what does not is not there.
type isolated struct {
	*Store
	prefix string
	start  eventstore.Position

	mu sync.Mutex
	// long are names that the prefix would make too long, by their hash.
	long map[string]string
}

// isolate is a store at the end of the connection string, nothing of which is seen but what it is given.
func isolate(t *testing.T, connection, prefix string) storetest.Harness {
	t.Helper()
	s := open(t, connection, Options{})
	start, err := s.logEnd(waiting(t))
	if err != nil {
		t.Fatal(err)
	}
	i := &isolated{Store: s, prefix: prefix, start: start, long: make(map[string]string)}
	var reopen func(*testing.T) storetest.Harness
	reopen = func(t *testing.T) storetest.Harness {
		if err := i.Close(); err != nil {
			t.Fatal(err)
		}
		i = &isolated{Store: open(t, connection, Options{}), prefix: i.prefix, start: i.start, long: i.long}
		return storetest.Harness{Store: i, Keys: i, Reopen: reopen}
	}
	return storetest.Harness{Store: i, Keys: i, Reopen: reopen}
}

func newPrefix() string { return "test-" + uuid.NewString()[:8] + "-" }

func (i *isolated) in(name string, most int) string {
	if name == "" || strings.HasPrefix(name, "$") || len(name) > most || strings.ContainsAny(name, "\x00\n") || !utf8.ValidString(name) {
		return name // refused all the same
	}
	if len(name)+len(i.prefix) <= most {
		return i.prefix + name
	}
	sum := sha256.Sum256([]byte(name))
	short := i.prefix + "long-" + hex.EncodeToString(sum[:])
	i.mu.Lock()
	defer i.mu.Unlock()
	i.long[short] = name
	return short
}

func (i *isolated) out(name string) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if long, ok := i.long[name]; ok {
		return long, true
	}
	return strings.CutPrefix(name, i.prefix)
}

func (i *isolated) own(records []eventstore.Record) (own []eventstore.Record) {
	for _, rec := range records {
		var ours bool
		if rec.Stream, ours = i.out(rec.Stream); ours {
			own = append(own, rec)
		}
	}
	return own
}

func (i *isolated) stream(name string) string { return i.in(name, eventstore.MaxStreamNameBytes) }

func (i *isolated) key(name string) string { return i.in(name, maxKeyNameBytes) }

// Append is Store's.
func (i *isolated) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	done, err := i.Store.Append(ctx, i.stream(stream), expected, events...)
	if told, ok := err.(*eventstore.WrongRevisionError); ok { //nolint:errorlint // it is answered bare
		told.Stream = stream
	}
	return done, err
}

// ReadStream is Store's.
func (i *isolated) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	records, err := i.Store.ReadStream(ctx, i.stream(stream), from, dir, limit)
	return i.own(records), err
}

// ReadAll is Store's, over what is seen.
func (i *isolated) ReadAll(ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	if from == 0 && dir == eventstore.Forward {
		from = i.start
	}
	if limit < 1 {
		return i.Store.ReadAll(ctx, from, dir, limit)
	}
	var all []eventstore.Record
	for len(all) < limit {
		records, err := i.Store.ReadAll(ctx, from, dir, pageEvents)
		if err != nil || len(records) == 0 {
			return all, err
		}
		first := records[0].Position
		if dir == eventstore.Backward && first == from && len(all) > 0 {
			records = records[1:] // the one at from was there already
		}
		if len(records) == 0 || records[0].Position <= i.start {
			return all, nil
		}
		own := i.own(records)
		all = append(all, own[:min(len(own), limit-len(all))]...)
		from = records[len(records)-1].Position
	}
	return all, nil
}

// Head is Store's, over what is seen.
func (i *isolated) Head(ctx context.Context) (eventstore.Position, error) {
	newest, err := i.ReadAll(ctx, eventstore.EndPosition, eventstore.Backward, 1)
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Position, nil
}

// Subscribe is Store's, over what is seen.
func (i *isolated) Subscribe(ctx context.Context, from eventstore.Position) (eventstore.Subscription, error) {
	sub, err := i.Store.Subscribe(ctx, max(from, i.start))
	if err != nil {
		return nil, err
	}
	return &isolatedSubscription{sub, i}, nil
}

type isolatedSubscription struct {
	eventstore.Subscription
	of *isolated
}

// Next is a subscription's, over what is seen.
func (s *isolatedSubscription) Next(ctx context.Context) (eventstore.Batch, error) {
	for {
		batch, err := s.Subscription.Next(ctx)
		batch.Records = s.of.own(batch.Records)
		if err != nil || len(batch.Records) > 0 || batch.CaughtUp {
			return batch, err
		}
	}
}

// GetKey is Store's.
func (i *isolated) GetKey(ctx context.Context, name string) ([]byte, error) {
	return i.Store.GetKey(ctx, i.key(name))
}

// PutKeyIfAbsent is Store's.
func (i *isolated) PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	return i.Store.PutKeyIfAbsent(ctx, i.key(name), wrapped)
}

// ReplaceKey is Store's.
func (i *isolated) ReplaceKey(ctx context.Context, name string, old, wrapped []byte) error {
	return i.Store.ReplaceKey(ctx, i.key(name), old, wrapped)
}

// DeleteKey is Store's.
func (i *isolated) DeleteKey(ctx context.Context, name string) error {
	return i.Store.DeleteKey(ctx, i.key(name))
}

// EachKey is Store's, over what is seen.
func (i *isolated) EachKey(ctx context.Context, after string, fn func(string, []byte) error) error {
	return i.Store.EachKey(ctx, i.prefix+after, func(name string, wrapped []byte) error {
		own, ours := i.out(name)
		if !ours {
			return nil
		}
		return fn(own, wrapped)
	})
}
