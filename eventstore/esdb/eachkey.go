package esdb

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

const (
	// namesAtOnce bounds the names that are held while the keys are walked: one pass over the log for each so many keys.
	namesAtOnce = 1 << 17
	// keysAtOnce is how many keys are read ahead, and readsAtOnce by how many calls.
	keysAtOnce  = 256
	readsAtOnce = 16
)

// EachKey calls fn for every key in the order of names, starting after the name given, until fn fails. The log tells
// which keys were ever put, in another order; so it is walked as often as it takes to hold a bounded number of names at
// a time. Keys put or destroyed meanwhile may or may not be seen.
func (s *Store) EachKey(ctx context.Context, after string, fn func(name string, wrapped []byte) error) error {
	for {
		names, err := s.keyNames(ctx, after, namesAtOnce)
		if err != nil {
			return fmt.Errorf("list the keys: %w", err)
		}
		for chunk := range slices.Chunk(names, keysAtOnce) {
			if err := s.eachOf(ctx, chunk, fn); err != nil {
				return err
			}
		}
		if len(names) < namesAtOnce {
			return nil
		}
		after = names[len(names)-1]
	}
}

// eachOf reads the keys and calls fn with those that are there.
func (s *Store) eachOf(ctx context.Context, names []string, fn func(name string, wrapped []byte) error) error {
	found := make([][]byte, len(names))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(readsAtOnce)
	for i, name := range names {
		group.Go(func() error {
			wrapped, err := s.GetKey(reading, name)
			if errors.Is(err, eventstore.ErrKeyNotFound) {
				return nil // destroyed: the log knows its name until the server is scavenged
			}
			found[i] = wrapped
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		if found[i] == nil {
			continue
		}
		if err := fn(name, found[i]); err != nil {
			return err
		}
	}
	return nil
}

// keyNames are the first names after the one given, at most so many, in order.
func (s *Store) keyNames(ctx context.Context, after string, most int) ([]string, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	names := namesHeap{known: make(map[string]struct{})}
	walk := walk{store: s, filter: client.SubscriptionFilter{Type: client.StreamFilterType, Prefixes: []string{keyStreamPrefix}}}
	err := walk.run(ctx, func(e *client.RecordedEvent) {
		name, ok := strings.CutPrefix(e.StreamID, keyStreamPrefix)
		if ok && name > after {
			names.add(name, most)
		}
	})
	slices.Sort(names.names)
	return names.names, err
}

// namesHeap holds the first names of all that it is told of; the last of them on top.
type namesHeap struct {
	names []string
	known map[string]struct{}
}

func (h *namesHeap) add(name string, most int) {
	if _, there := h.known[name]; there {
		return
	}
	if len(h.names) == most {
		if name > h.names[0] {
			return
		}
		delete(h.known, h.names[0])
		heap.Pop(h)
	}
	h.known[name] = struct{}{}
	heap.Push(h, name)
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (h *namesHeap) Len() int           { return len(h.names) }
func (h *namesHeap) Less(i, j int) bool { return h.names[i] > h.names[j] }
func (h *namesHeap) Swap(i, j int)      { h.names[i], h.names[j] = h.names[j], h.names[i] }

// Push is heap.Interface.
func (h *namesHeap) Push(name any) {
	text, ok := name.(string)
	if !ok {
		panic("esdb: a name is no string")
	}
	h.names = append(h.names, text)
}

// Pop is heap.Interface.
func (h *namesHeap) Pop() any {
	last := h.names[len(h.names)-1]
	h.names = h.names[:len(h.names)-1]
	return last
}
