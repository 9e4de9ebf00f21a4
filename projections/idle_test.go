package projections

import (
	"testing"

	"github.com/benfex/kipay/projections/projectionstest"
)

// A shop that sells nothing at night must not find its lists gone in the morning because the engine died meanwhile.
func TestListsComeBackAfterTheEnginesDeathThoughNothingHappens(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 3)
	head := b.Head(t)
	caughtUp(t, b.projector, head)
	until(t, "all is stored", func() bool {
		at, err := readCheckpoint(t.Context(), b.engine.Conn, b.projector.Generation())
		return err == nil && at == head
	})
	b.engine.Kill(t)
	until(t, "lists are answered again", func() bool {
		page, err := b.reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Limit: 100, Zone: nairobi(t)})
		return err == nil && len(page.Rows) == 3 && b.projector.Position() >= head
	})
	if err := b.projector.WaitFor(projectionstest.Within(t), head); err != nil {
		t.Fatal(err)
	}
}

// On a server another node may swap the tables and drop the old ones while this node has nothing to write.
func TestAnIdleNodeNoticesThatAnotherSwappedTheTables(t *testing.T) {
	b := newBench(t)
	nodes := [2]*Projector{}
	for i := range nodes {
		var err error
		if nodes[i], err = New(Options{Conn: b.engine.Conn, Log: b.Log}); err != nil {
			t.Fatal(err)
		}
	}
	run(t, nodes[0])
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 3)
	caughtUp(t, nodes[0], b.Head(t))
	run(t, nodes[1])
	caughtUp(t, nodes[1], b.Head(t))
	rebuilt, err := nodes[1].Rebuild(projectionstest.Within(t), func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	reader := NewReader(b.engine.Conn, nodes[0])
	until(t, "the idle node reads the new tables", func() bool {
		page, err := reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Limit: 100, Zone: nairobi(t)})
		return err == nil && len(page.Rows) == 3 && nodes[0].Generation() == rebuilt.To
	})
}
