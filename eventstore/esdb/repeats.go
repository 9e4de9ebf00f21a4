package esdb

import (
	"sync"

	"github.com/benfex/kipay/eventstore"
)

// rememberedAppends bounds how many positions of appends are remembered, to tell a repeat from the first time.
const rememberedAppends = 1 << 14

// repeats remembers the positions that appends were answered with. A server answers an append like the first time when
// the events are there already, and does not say so. It is a repeat when the answered position was seen before the call
// began, or another call was answered with it. That is exact within one process. Of two processes that append the same
// ids at once, both may believe that they wrote: nothing is decided by it.
type repeats struct {
	mu   sync.Mutex
	seen map[eventstore.Position]struct{}
	ring []eventstore.Position
	next int
}

func newRepeats() *repeats {
	return &repeats{seen: make(map[eventstore.Position]struct{}, rememberedAppends), ring: make([]eventstore.Position, rememberedAppends)}
}

// first is true for the first append that is answered with the position.
func (r *repeats) first(p eventstore.Position) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.seen[p]; there {
		return false
	}
	delete(r.seen, r.ring[r.next])
	r.ring[r.next] = p
	r.next = (r.next + 1) % rememberedAppends
	r.seen[p] = struct{}{}
	return true
}
