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
	before := b.Head(t)
	i.Dispute(t, 1, first, 2, 50_00, true)
	caughtUp(t, b.projector, b.Head(t))
	if _, err := b.projector.Archived(t.Context(), b.Head(t)); err != nil {
		t.Fatal(err)
	}
	then := func(f DisputeFilter, m Moment) []int64 {
		t.Helper()
		f.MerchantID, f.Mode, f.Zone, f.Limit = 1, "test", nairobi(t), 10
		page, err := NewPast(b.reader, b.Log).Disputes(t.Context(), f, m)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, d := range page.Rows {
			got = append(got, d.ID)
		}
		return got
	}
	long := i.Now().Add(-24 * time.Hour)
	for name, test := range map[string]struct {
		m           Moment
		lost, waits []int64
	}{
		"as it is":            {Moment{AsOf: b.Head(t)}, []int64{3, 2}, []int64{1}},
		"before the last end": {Moment{AsOf: before}, []int64{3}, []int64{1, 2}},
		"before it began":     {Moment{AsOf: b.Head(t), Until: &long}, nil, nil},
	} {
		got := [][]int64{then(DisputeFilter{Status: dispute.Lost}, test.m), then(DisputeFilter{Status: dispute.NeedsResponse}, test.m)}
		if diff := cmp.Diff([][]int64{test.lost, test.waits}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	soon := i.Now().Add(100 * time.Hour)
	for name, test := range map[string]struct {
		f    DisputeFilter
		want []int64
	}{
		"all":           {DisputeFilter{}, []int64{1, 3, 2}},
		"of a payment":  {DisputeFilter{Reference: string(second)}, []int64{3}},
		"lost":          {DisputeFilter{Status: dispute.Lost}, []int64{3, 2}},
		"due":           {DisputeFilter{DueBefore: soon}, []int64{1}},
		"due too late":  {DisputeFilter{DueBefore: i.Now().Add(-time.Hour)}, nil},
		"of no payment": {DisputeFilter{Reference: "KIPAY0000000000000000"}, nil},
	} {
		if diff := cmp.Diff(test.want, list(test.f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var overdue int64
	if err := b.engine.Conn.QueryRow(t.Context(), "SELECT sum(returned_minor) FROM kipay.disputes WHERE status = 'lost' AND due_in IS NULL").Scan(&overdue); err != nil || overdue != 120_00 {
		t.Errorf("the view: %d back, %v", overdue, err)
	}
}
