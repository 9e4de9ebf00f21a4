package embedded

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// View is the store as it was at one moment, for a backup: events, keys and erasures of that moment, all of them durable.
// Appends go on meanwhile. Close waits until every view is closed.
type View struct {
	store *Store
	snap  *pebble.Snapshot
	head  eventstore.Position
}

// View takes the view. Whatever was acknowledged before the call is in it.
func (s *Store) View(ctx context.Context) (_ *View, err error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.leave()
		}
	}()
	v := &View{store: s, snap: s.db.NewSnapshot()}
	// The snapshot may hold what waits for its sync, and must not promise what a crash takes back: the committer answers
	// this after everything that came before it.
	if err := s.submitKey(ctx, newRequest(settleKeys)); err != nil {
		_ = v.snap.Close()
		return nil, err
	}
	iter, err := v.snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte{logSpace}, UpperBound: []byte{logSpace + 1}})
	if err == nil {
		if iter.Last() {
			v.head, _ = positionOf(iter.Key())
		}
		err = iter.Close()
	}
	if err != nil {
		_ = v.snap.Close()
		return nil, readError("find the end of the log", err)
	}
	return v, nil
}

// Close gives the view up.
func (v *View) Close() error {
	defer v.store.leave()
	return readError("close a view", v.snap.Close())
}

// Head is the position of the newest event in the view.
func (v *View) Head() eventstore.Position { return v.head }

// Store is the id of the store.
func (v *View) Store() uuid.UUID { return v.store.meta.ID }

// Erasures is the list of destroyed keys.
func (v *View) Erasures(ctx context.Context) ([]Erasure, error) { return erasuresIn(ctx, v.snap) }

// EachRecord calls fn for every event after the position given, in order, with the record as it is stored (its own
// checksum was verified). raw is valid during the call.
func (v *View) EachRecord(ctx context.Context, after eventstore.Position, fn func(rec eventstore.Record, raw []byte) error) error {
	iter, err := v.snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: logKey(after + 1), UpperBound: []byte{logSpace + 1}})
	if err != nil {
		return readError("read the log", err)
	}
	want := after + 1
	for ok := iter.First(); ok && err == nil; ok = iter.Next() {
		var rec eventstore.Record
		if rec, err = recordAt(iter.Key(), iter.Value(), want); err == nil {
			err = fn(rec, iter.Value())
		}
		if want++; err == nil && uint64(want)%checkEvery == 0 {
			err = ctx.Err()
		}
	}
	if closeErr := iter.Close(); err == nil {
		err = readError("read the log", closeErr)
	}
	return err
}

// Keys reads the wrapped keys in the order of their names.
func (v *View) Keys(ctx context.Context) (*KeyReader, error) {
	iter, err := v.snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte{keySpace}, UpperBound: []byte{keySpace + 1}})
	if err != nil {
		return nil, readError("read the keys", err)
	}
	return &KeyReader{iter: iter}, nil
}

// KeyReader reads keys one by one.
type KeyReader struct {
	iter    *pebble.Iterator
	started bool
}

// Next is the next key; ok is false at the end.
func (r *KeyReader) Next() (name string, wrapped []byte, ok bool, err error) {
	if r.started {
		ok = r.iter.Next()
	} else {
		r.started, ok = true, r.iter.First()
	}
	if !ok {
		return "", nil, false, readError("read the keys", r.iter.Error())
	}
	return string(r.iter.Key()[1:]), bytes.Clone(r.iter.Value()), true, nil
}

// Close ends the reading.
func (r *KeyReader) Close() error { return readError("read the keys", r.iter.Close()) }
