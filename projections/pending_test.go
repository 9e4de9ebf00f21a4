package projections

import (
	"testing"

	"github.com/benfex/kipay/projections/projectionstest"
)

// What is in the engine's memory is gone when it is killed; nothing that lists have shown may be.
func TestPendingRowsSurviveTheEnginesDeath(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "Africa/Nairobi")
	for round := range 4 {
		for range 20 {
			pay(t, b.Install)
		}
		head := b.Head(t)
		if err := b.projector.WaitFor(projectionstest.Within(t), head); err != nil {
			t.Fatal(err)
		}
		b.engine.Kill(t)
		var page TransactionPage
		for limited := projectionstest.Within(t); ; {
			// While the engine is away a question fails; it is never answered with what is left.
			if err := b.projector.WaitFor(limited, head); err != nil {
				t.Fatal(err)
			}
			var err error
			if page, err = b.reader.Transactions(limited, TransactionFilter{MerchantID: 1, Mode: "test", Limit: 100, Zone: nairobi(t)}); err == nil {
				break
			}
			if limited.Err() != nil {
				t.Fatal(err)
			}
		}
		if want := 20 * (round + 1); len(page.Rows) != want || page.Total != uint64(want) {
			t.Fatalf("round %d: %d rows of %d are listed, want %d", round, len(page.Rows), page.Total, want)
		}
	}
	found, err := b.projector.Verify(projectionstest.Within(t), VerifyOptions{})
	if err != nil || found.Total != 0 {
		t.Fatalf("%v: %v", found.Differences, err)
	}
}
