package projections

import (
	"context"
	"sync"

	"github.com/benfex/kipay/eventstore"
)

// tracker knows how far the read model has come and wakes who waits for more.
type tracker struct {
	mu         sync.Mutex
	generation Generation
	position   eventstore.Position
	moved      chan struct{} // closed at the next move
}

func newTracker() *tracker { return &tracker{moved: make(chan struct{})} }

// set says that the generation serves and has come to the position.
func (t *tracker) set(g Generation, p eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.generation == g && t.position == p {
		return
	}
	t.generation, t.position = g, p
	close(t.moved)
	t.moved = make(chan struct{})
}

func (t *tracker) get() (Generation, eventstore.Position, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.generation, t.position, t.moved
}

// wait returns when the position is reached, or with ctx's error.
func (t *tracker) wait(ctx context.Context, p eventstore.Position) error {
	for {
		g, at, moved := t.get()
		if g != 0 && at >= p {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
