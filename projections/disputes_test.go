package projections

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestDisputesThatWaitForTheMerchantComeFirst(t *testing.T) {
	b := newBench(t)
	i := b.Install
	i.Merchant(t, 1, "")
	first, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	second, _ := i.Open(t, projectionstest.Payment{Merchant: 1, Origin: transaction.FromPush})
	i.Dispute(t, 1, first, 1, 100_00, false)
	i.Dispute(t, 1, first, 2, 50_00, false)
	i.Dispute(t, 1, second, 3, 70_00, true)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	list := func(f DisputeFilter) []int64 {
		t.Helper()
		f.MerchantID, f.Mode, f.Zone, f.Limit = 1, "test", nairobi(t), 10
		page, err := b.reader.Disputes(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, d := range page.Rows {
			got = append(got, d.ID)
		}
		return got
	}
	soon := i.Now().Add(100 * time.Hour)
	for name, test := range map[string]struct {
		f    DisputeFilter
		want []int64
	}{
		"all":           {DisputeFilter{}, []int64{1, 2, 3}},
		"of a payment":  {DisputeFilter{Reference: string(second)}, []int64{3}},
		"lost":          {DisputeFilter{Status: dispute.Lost}, []int64{3}},
		"due":           {DisputeFilter{DueBefore: soon}, []int64{1, 2}},
		"due too late":  {DisputeFilter{DueBefore: i.Now().Add(-time.Hour)}, nil},
		"of no payment": {DisputeFilter{Reference: "KIPAY0000000000000000"}, nil},
	} {
		if diff := cmp.Diff(test.want, list(test.f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var overdue int64
	if err := b.engine.Conn.QueryRow(t.Context(), "SELECT sum(returned_minor) FROM kipay.disputes WHERE status = 'lost' AND due_in IS NULL").Scan(&overdue); err != nil || overdue != 70_00 {
		t.Errorf("the view: %d back, %v", overdue, err)
	}
}
