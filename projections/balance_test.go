package projections

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestAPostingTooManyIsFoundByTheSumOfTheLedger(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	ref, _ := b.Open(t, projectionstest.Payment{Merchant: 1, Amount: 1000_00})
	b.Push(t, 1, ref)
	at := b.Pay(t, 1, ref, 1000_00)
	if err := b.projector.WaitForArchive(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	found, err := b.projector.Imbalances(t.Context())
	if err != nil || len(found) > 0 {
		t.Fatalf("sound books: %v, %v", found, err)
	}
	g := b.projector.Generation()
	if err := b.engine.Conn.Exec(t.Context(), g.in(`INSERT INTO kipay.ledger_entries_gN
		SELECT * REPLACE (position + 1000000 AS position) FROM kipay.ledger_entries_gN WHERE account = 'provider_clearing'`)); err != nil {
		t.Fatal(err)
	}
	found, err = b.projector.Imbalances(t.Context())
	want := []Imbalance{{MerchantID: 1, Mode: domain.ModeTest, Currency: money.KES, Difference: 1000_00}}
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
