package commands

import (
	"context"
	"sync"
)

// turns lets those who carry the same name go one after the other on this node.
type turns struct {
	mu    sync.Mutex
	named map[string]*turn
}

type turn struct {
	taken  chan struct{} // holds one token while somebody has it
	people int           // who has it or waits
}

// take waits for the name's turn; give ends it. Errors: ctx's.
func (t *turns) take(ctx context.Context, name string) (give func(), err error) {
	t.mu.Lock()
	if t.named == nil {
		t.named = map[string]*turn{}
	}
	mine := t.named[name]
	if mine == nil {
		mine = &turn{taken: make(chan struct{}, 1)}
		t.named[name] = mine
	}
	mine.people++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		if mine.people--; mine.people == 0 {
			delete(t.named, name)
		}
		t.mu.Unlock()
	}
	select {
	case mine.taken <- struct{}{}:
		return func() { <-mine.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
