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
