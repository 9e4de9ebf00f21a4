package commands

import (
	"context"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// importsKept bounds the imports whose state is kept; one with 100,000 differences takes some 100 MB.
const importsKept = 4

// importCache holds imports about which somebody decides just now: to read one again for each of its differences takes as long as it has
// differences. What was written since is read from the log, so it is never behind. It holds words of lines; Follow empties it when a
// key is destroyed, on whatever node, and while it doesn't run nothing is kept.
type importCache struct {
	mu      sync.Mutex
	entries *lru.Cache[int64, Outcome[journal.State]]
	live    bool
	emptied int // how often, so that what was read before is not kept after
}

func newImportCache() *importCache {
	entries, err := lru.New[int64, Outcome[journal.State]](importsKept)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &importCache{entries: entries}
}

func (c *importCache) start(eventstore.Position) { c.turn(true) }
func (c *importCache) stop()                     { c.turn(false) }
func (c *importCache) pass(eventstore.Position)  {}

func (c *importCache) turn(live bool) {
	c.empty()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = live
}

// empty forgets all of them.
func (c *importCache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Purge()
	c.emptied++
}

// get answers what is known of an import, and the mark to keep more of it with.
func (c *importCache) get(id int64) (known Outcome[journal.State], mark int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.entries.Get(id)
	if !ok {
		known.Revision = eventstore.NoStream
	}
	return known, c.emptied
}

// keep keeps an import that is compared: to one that still grows, only the reader who was last may add.
func (c *importCache) keep(id int64, out Outcome[journal.State], mark int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live && mark == c.emptied && out.State.Reconciled != nil {
		c.entries.Add(id, out)
	}
}

// importOf is an import as it is now.
func (w *WriteSide) importOf(ctx context.Context, id int64) (Outcome[journal.State], error) {
	out, mark := w.imports.get(id)
	err := w.log.EachInStream(ctx, journal.Stream(id), out.Revision+1, func(e eventstore.Envelope) error {
		out.State, out.Revision, out.Position = out.State.Evolve(e.Event), e.Revision, e.Position
		return nil
	})
	if err != nil {
		return Outcome[journal.State]{}, asUnavailable(err)
	}
	w.imports.keep(id, out, mark)
	return out, nil
}

// forgetKeys drops what is remembered opened, after the keys were destroyed.
func (w *WriteSide) forgetKeys(names ...string) {
	w.log.ForgetKeys(names...)
	w.imports.empty()
}
