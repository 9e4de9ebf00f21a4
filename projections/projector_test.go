package projections

import (
	"testing"

	"github.com/benfex/kipay/projections/projectionstest"
)

func TestAPaymentIsListedAsItsEventsSay(t *testing.T) {
	b := newBench(t)
	b.Merchant(t, 1, "")
	run(t, b.projector)
	ref, _ := b.Open(t, projectionstest.Payment{Merchant: 1})
	b.Push(t, 1, ref)
	b.Accept(t, 1, ref)
	at := b.Pay(t, 1, ref, 1000_00)
	caughtUp(t, b.projector, at)
	page, err := b.reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", page)
}
