package commands

import (
	"testing"

	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/eventstore"
)

func at(revision eventstore.Revision, position eventstore.Position, channel int64) Outcome[merchant.State] {
	return Outcome[merchant.State]{State: merchant.State{ID: 1, DefaultChannel: channel}, Revision: revision, Position: position}
}

func (c *cache[S]) has(stream string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries.Peek(stream)
	return ok && e.ready
}

// Two nodes change one stream. The one that wrote first keeps what it wrote only after the other's change has gone by: it
// would answer from then on as if there had been none.
func TestWhatWasWrittenIsNotKeptAfterAnotherNodesChangeHasGoneBy(t *testing.T) {
	c := newCache[merchant.State]()
	c.start(10)
	c.pass(12)
	c.drop("merchant-1", 4)
	c.put("merchant-1", at(3, 11, 7))
	if c.has("merchant-1") {
		t.Error("it is kept for ever")
	}
	c.put("merchant-1", at(5, 13, 8))
	if !c.has("merchant-1") {
		t.Error("what is newer than all that has gone by is not kept")
	}
	c.pass(14)
	c.drop("merchant-1", 5)
	if !c.has("merchant-1") {
		t.Error("its own event dropped it")
	}
	c.drop("merchant-1", 6)
	if c.has("merchant-1") {
		t.Error("a change did not drop it")
	}
}

// While nobody watches the log, a revoked key or a channel that was turned off would be answered from memory.
func TestNothingIsKeptWhileTheLogIsNotFollowed(t *testing.T) {
	c := newCache[merchant.State]()
	c.put("merchant-1", at(0, 11, 7))
	if c.has("merchant-1") {
		t.Error("kept before the log is followed")
	}
	c.start(10)
	c.put("merchant-1", at(0, 11, 7))
	c.stop()
	if c.has("merchant-1") {
		t.Error("kept after it was")
	}
	c.put("merchant-1", at(1, 12, 7))
	if c.has("merchant-1") {
		t.Error("taken after it was")
	}
}
