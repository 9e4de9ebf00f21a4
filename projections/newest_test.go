package projections

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

// Where several versions of a payment lie about, the last one on a page must be shown as it is now too, however many rows
// were read to find it.
func TestTheLastPaymentOfAPageIsTheNewestVersion(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	caughtUp(t, b.projector, b.Head(t))
	exec(t, b.engine.Conn, "SYSTEM STOP MERGES kipay.transactions_g1")
	var refs []transaction.Reference
	seen := func() {
		t.Helper()
		if err := b.projector.WaitFor(projectionstest.Within(t), b.Head(t)); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		ref, _ := b.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
		refs = append(refs, ref)
	}
	seen()
	for _, ref := range refs {
		b.Accept(t, 1, ref)
	}
	seen()
	for n, ref := range refs {
		if n%2 == 0 {
			b.Fail(t, 1, ref)
		}
	}
	seen()
	for n, ref := range refs {
		if n%2 == 0 {
			b.Pay(t, 1, ref, 1000_00)
		}
	}
	seen()
	var want []Transaction
	for n := len(refs) - 1; n >= 0; n-- {
		want = append(want, inList(fromLog(t, b.Install, refs[n])))
	}
	for _, status := range []transaction.Status{"", "pending", "completed", "failed"} {
		var those []Transaction
		for _, row := range want {
			if status == "" || row.Status == status {
				those = append(those, row)
			}
		}
		for limit := uint64(1); limit <= 40; limit++ {
			page, err := b.reader.Transactions(t.Context(), TransactionFilter{
				MerchantID: 1, Mode: "test", Status: status, Zone: nairobi(t), Limit: limit,
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(cut(those, 0, limit), page.Rows); diff != "" && len(those)+len(page.Rows) > 0 {
				t.Errorf("the newest %d that are %q (-want +got):\n%s", limit, status, diff)
			}
		}
	}
}
