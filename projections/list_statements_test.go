package projections

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestDifferencesAreListedAsTheyStandNow(t *testing.T) {
	b := newBench(t)
	b.Merchant(t, 1, "")
	id, _ := b.Statement(t, 1)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	imports, err := b.reader.Imports(t.Context(), ImportFilter{MerchantID: 1, Mode: "test", Limit: 10})
	if err != nil || imports.Total != 1 {
		t.Fatalf("imports: %+v, %v", imports, err)
	}
	if got := imports.Rows[0]; got.Status != "done" || got.Lines != 2 || got.Difference != 110_00 || got.Explained != 110_00 || got.Unexplained != 0 {
		t.Errorf("the import is %+v", got)
	}
	list := func(f DifferenceFilter) []DifferenceRow {
		t.Helper()
		f.MerchantID, f.Mode, f.Import, f.Limit = 1, "test", imports.Rows[0].ID, 10
		page, err := b.reader.Differences(t.Context(), f)
		if err != nil || page.Total != uint64(len(page.Rows)) {
			t.Fatalf("differences: %+v, %v", page, err)
		}
		return page.Rows
	}
	all := list(DifferenceFilter{})
	if len(all) != 2 || all[0].State != "open" || all[0].Action != "suspended" || all[1].State != "resolved" || all[1].Decision != "looked up" {
		t.Errorf("they are %+v", all)
	}
	if all[0].Line != `{"party":"25470****005 - JANE DOE"}` || all[1].Line != "" {
		t.Errorf("the lines are %q and %q", all[0].Line, all[1].Line)
	}
	if open := list(DifferenceFilter{State: reconciliation.Open}); len(open) != 1 || open[0].ID != all[0].ID {
		t.Errorf("open are %+v", open)
	}
	if wrong := list(DifferenceFilter{Cause: reconciliation.WrongAmount}); len(wrong) != 1 || wrong[0].ID != all[1].ID {
		t.Errorf("of the cause are %+v", wrong)
	}
	// One that was begun and went no further was cut off, unless somebody is at it.
	begun := journal.Begun{ID: 99, Merchant: 1, Mode: "test", Channel: 7, Source: reconciliation.SourceMpesa, Subject: journal.Stream(99), At: b.Now()}
	projectionstest.Do[journal.State](t, b.Install, 1, journal.Stream(99), journal.Begin{Begun: begun})
	caughtUp(t, b.projector, b.Head(t))
	for name, c := range map[string]struct {
		at       *UnderWay
		status   journal.Status
		message  string
		filtered uint64
	}{
		"as the log has it": {nil, journal.Processing, "", 1},
		"here":              {&UnderWay{IDs: []int64{99}, Since: b.Now()}, journal.Processing, "", 1},
		"elsewhere":         {&UnderWay{Since: b.Now().Add(-time.Second)}, journal.Processing, "", 1},
		"cut off":           {&UnderWay{Since: b.Now()}, journal.Failed, journal.CutOff, 0},
	} {
		page, err := b.reader.Imports(t.Context(), ImportFilter{MerchantID: 1, Mode: "test", Limit: 10, UnderWay: c.at})
		if err != nil || page.Total != 2 || page.Rows[0].Status != string(c.status) || page.Rows[0].Message != c.message || page.Rows[1].Status != "done" {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
		page, err = b.reader.Imports(t.Context(), ImportFilter{MerchantID: 1, Mode: "test", Limit: 10, UnderWay: c.at, Status: journal.Processing})
		if err != nil || page.Total != c.filtered {
			t.Errorf("%s, processing: %+v, %v", name, page, err)
		}
	}
	other, err := b.reader.Imports(t.Context(), ImportFilter{MerchantID: 2, Mode: "test", Limit: 10})
	if err != nil || other.Total != 0 {
		t.Errorf("another merchant sees %+v, %v", other, err)
	}

	// Another channel of the merchant learns of the receipt that stands on this one's statement.
	month := func(channel int64, source reconciliation.Source, from time.Time) []reconciliation.Elsewhere {
		t.Helper()
		shown, err := b.reader.ShownElsewhere(t.Context(), 1, "test", channel, []reconciliation.Source{source}, from, from.AddDate(0, 1, 0))
		if err != nil {
			t.Fatal(err)
		}
		return shown
	}
	lately := b.Now().AddDate(0, 0, -5)
	if shown := month(8, reconciliation.SourceMpesa, lately); len(shown) != 1 || shown[0] != (reconciliation.Elsewhere{Receipt: "QGR7I8K2ZZ", Channel: 7}) {
		t.Errorf("another channel is shown %+v", shown)
	}
	for _, none := range [][]reconciliation.Elsewhere{
		month(7, reconciliation.SourceMpesa, lately), month(8, reconciliation.SourcePaystackTransactions, lately), month(8, reconciliation.SourceMpesa, lately.AddDate(0, -2, 0)),
	} {
		if len(none) != 0 {
			t.Errorf("shown is %+v", none)
		}
	}

	// What was accepted is known to the next statement that shows it: the newest that does says whether it is.
	accepted := func(channel int64, source reconciliation.Source, but int64) (items []int64) {
		t.Helper()
		list, err := b.reader.AcceptedDifferences(t.Context(), 1, "test", channel, source, but)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			if a.Identity != "line:QGR7I8K2ZZ-2:wrong_amount" || a.Amount != 55_00 {
				t.Errorf("accepted is %+v", a)
			}
			items = append(items, a.Item)
		}
		return items
	}
	if got := accepted(7, reconciliation.SourceMpesa, 0); len(got) != 1 || got[0] != journal.ItemID(id, 2) {
		t.Errorf("accepted are %v", got)
	}
	overlapping, _ := b.Statement(t, 1)
	_, at := projectionstest.Do[journal.State](t, b.Install, 1, journal.Stream(overlapping), journal.Reopen{N: 2, Subject: journal.Stream(overlapping), Reason: "no", At: b.Now()})
	caughtUp(t, b.projector, at)
	if got := accepted(7, reconciliation.SourceMpesa, overlapping); len(got) != 1 || got[0] != journal.ItemID(id, 2) {
		t.Errorf("beside the newest, accepted are %v", got)
	}
	for _, none := range [][]int64{accepted(7, reconciliation.SourceMpesa, 0), accepted(8, reconciliation.SourceMpesa, 0), accepted(7, reconciliation.SourceMpesaPull, overlapping)} {
		if len(none) != 0 {
			t.Errorf("accepted are %v", none)
		}
	}

	// The money stands in suspense, in the channel's clearing account.
	minor, err := b.reader.ClearingBalance(t.Context(), 1, "test", 7, "KES", time.Now().AddDate(0, 0, 1)) // by when the log recorded it
	if err != nil || minor != 55_00 {
		t.Errorf("the clearing account holds %d, %v", minor, err)
	}
}
