package embedded

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// Erasure is a line of the list of destroyed keys. The list only grows, and a restore applies what stands in it to a
// backup that was made before. It names no person: names of keys are keyed hashes or drawn.
type Erasure struct {
	// Store is the store in which the key was destroyed and Number counts that store's own, from 1: together they tell
	// one erasure from another, also when a key of the same name was made and destroyed again.
	Store  uuid.UUID `json:"store"`
	Number uint64    `json:"number"`
	Key    string    `json:"key"`
	At     time.Time `json:"at"`
}

// erasureKey is where the place-th line of the list lies, from 1.
func erasureKey(place uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{erasureSpace}, place)
}

// noteErasure puts the next line of the list into the batch. Erasures are few and far between, so the end of the list
// is looked up each time; the caller has committed what came before.
func (c *committer) noteErasure(name string) error {
	iter, err := c.store.db.NewIter(&pebble.IterOptions{LowerBound: []byte{erasureSpace}, UpperBound: []byte{erasureSpace + 1}})
	if err != nil {
		return readError("find the end of the erasures", err)
	}
	place, own := uint64(1), uint64(1)
	if iter.Last() {
		last, err := decodeErasure(iter.Key(), iter.Value())
		if err != nil {
			return closing(iter, err)
		}
		place = binary.BigEndian.Uint64(iter.Key()[1:]) + 1
		if last.Store == c.store.meta.ID {
			own = last.Number + 1
		}
	}
	if err := closing(iter, nil); err != nil {
		return err
	}
	text, err := json.Marshal(Erasure{Store: c.store.meta.ID, Number: own, Key: name, At: c.store.options.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	c.must(c.writer().Set(erasureKey(place), text, nil))
	return nil
}

// closing closes the iterator of the erasures and answers the first error.
func closing(iter *pebble.Iterator, err error) error {
	if closeErr := iter.Close(); err == nil {
		err = readError("read the erasures", closeErr)
	}
	return err
}

func decodeErasure(key, value []byte) (Erasure, error) {
	var e Erasure
	if len(key) != 1+8 {
		return e, fmt.Errorf("%w: key %x is no place in the list of erasures", eventstore.ErrCorrupt, key)
	}
	if err := json.Unmarshal(value, &e); err != nil || e.Key == "" || e.Number == 0 {
		return e, fmt.Errorf("%w: line %d of the erasures can't be read", eventstore.ErrCorrupt, binary.BigEndian.Uint64(key[1:]))
	}
	return e, nil
}

// erasuresIn reads the list. Lines without a gap are part of what is checked.
func erasuresIn(ctx context.Context, from pebble.Reader) ([]Erasure, error) {
	iter, err := from.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte{erasureSpace}, UpperBound: []byte{erasureSpace + 1}})
	if err != nil {
		return nil, readError("read the erasures", err)
	}
	var list []Erasure
	for ok := iter.First(); ok; ok = iter.Next() {
		e, err := decodeErasure(iter.Key(), iter.Value())
		if err != nil {
			return nil, closing(iter, err)
		}
		if place := binary.BigEndian.Uint64(iter.Key()[1:]); place != uint64(len(list)+1) {
			return nil, closing(iter, fmt.Errorf("%w: line %d of the erasures follows %d", eventstore.ErrCorrupt, place, len(list)))
		}
		list = append(list, e)
	}
	return list, closing(iter, nil)
}

// Erasures are the keys that were destroyed, in the order in which they were.
func (s *Store) Erasures(ctx context.Context) ([]Erasure, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	return erasuresIn(ctx, s.db)
}
