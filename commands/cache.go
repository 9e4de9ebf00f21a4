package commands

import (
	"context"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
)

// cacheSize bounds the streams that one cache holds.
const cacheSize = 1 << 13

// cache holds folded states of streams that are read often and change seldom (keys, merchants, channels, customers). The
// live subscription of Follow drops what has changed, on whatever node; while it doesn't run, nothing is kept.
type cache[S domain.State[S]] struct {
	mu      sync.Mutex
	entries *lru.Cache[string, *cached[S]]
	live    bool // Follow runs
	// believed tells whether Follow is known to have heard of every change a moment ago; nil where it can't be otherwise.
	believed func() bool
	passed   eventstore.Position // how far Follow has come: what it has passed, it drops no more
}

type cached[S any] struct {
	ready bool // false while it is being folded
	out   Outcome[S]
}

func newCache[S domain.State[S]]() *cache[S] {
	entries, err := lru.New[string, *cached[S]](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &cache[S]{entries: entries}
}

// get answers the stream's state, from memory when it is there.
func (c *cache[S]) get(ctx context.Context, log *eventstore.Log, stream string) (Outcome[S], error) {
	if c.believed != nil && !c.believed() {
		return fold[S](ctx, log, stream)
	}
	c.mu.Lock()
	if !c.live {
		c.mu.Unlock()
		return fold[S](ctx, log, stream)
	}
	e, ok := c.entries.Get(stream)
	if ok && e.ready {
		c.mu.Unlock()
		return e.out, nil
	}
	// The mark makes a change that comes while we fold visible: drop removes it, and the fold is not kept.
	mark := &cached[S]{}
	c.entries.Add(stream, mark)
	c.mu.Unlock()

	out, err := fold[S](ctx, log, stream)

	c.mu.Lock()
	defer c.mu.Unlock()
	if now, ok := c.entries.Peek(stream); ok && now == mark {
		if err != nil || out.Revision == eventstore.NoStream {
			c.entries.Remove(stream)
		} else {
			c.entries.Add(stream, &cached[S]{ready: true, out: out})
		}
	}
	return out, err
}

// put keeps what a command has just written, unless Follow may have seen and passed a newer change of another node already.
func (c *cache[S]) put(stream string, out Outcome[S]) {
	out.Events, out.IDs = nil, nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live || out.Position <= c.passed {
		return
	}
	if e, ok := c.entries.Peek(stream); ok && e.ready && e.out.Revision >= out.Revision {
		return
	}
	c.entries.Add(stream, &cached[S]{ready: true, out: out})
}

// drop forgets the stream's state if it is older than the revision.
func (c *cache[S]) drop(stream string, revision eventstore.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries.Peek(stream); ok && (!e.ready || e.out.Revision < revision) {
		c.entries.Remove(stream)
	}
}

// start begins to keep states: every change after the position will be told.
func (c *cache[S]) start(p eventstore.Position) { c.turn(true, p) }

// stop forgets everything and keeps nothing more: changes are not told any more.
func (c *cache[S]) stop() { c.turn(false, 0) }

func (c *cache[S]) turn(live bool, p eventstore.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Purge()
	c.live, c.passed = live, p
}

// pass notes that the changes up to the position are about to be told.
func (c *cache[S]) pass(p eventstore.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed = p
}
