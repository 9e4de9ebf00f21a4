package faults_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/reconciliation/faults"
)

func TestAPlanMakesTheSameMonthAgain(t *testing.T) {
	first, again := faults.Make(faults.Usual(9, 200, 3)), faults.Make(faults.Usual(9, 200, 3))
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("(-first +again):\n%.2000s", diff)
	}
	if other := faults.Make(faults.Usual(10, 200, 3)); cmp.Equal(first.Lines, other.Lines) {
		t.Error("another seed gives the same lines")
	}
}

func TestAMonthHoldsWhatWasPlanned(t *testing.T) {
	plan := faults.Usual(9, 200, 3)
	plan.Counts[faults.WrongAmount] = 7
	plan.Counts[faults.Charge] = 0
	count := map[faults.Fault]int{}
	receipts := map[string]bool{}
	month := faults.Make(plan)
	for _, w := range month.Wants {
		count[w.Fault]++
	}
	for _, p := range month.Payments {
		for _, r := range p.Receipts {
			if r.Number != "" && receipts[r.Number] {
				t.Errorf("receipt %s twice", r.Number)
			}
			receipts[r.Number] = true
		}
	}
	// Some faults show in two results.
	twice := map[faults.Fault]bool{faults.MissingNoAccount: true, faults.DuplicateAndLost: true, faults.TwoLines: true}
	for _, f := range faults.All() {
		want := plan.Counts[f]
		if twice[f] {
			want *= 2
		}
		if count[f] != want {
			t.Errorf("%d results of %s, want %d", count[f], f, want)
		}
	}
	balance := month.Statement.Opening
	for i := range month.Lines {
		balance = balance.Add(month.Lines[i].Amount)
		if *month.Lines[i].Balance != balance || month.Lines[i].Number != i+plan.FirstRow {
			t.Fatalf("line %d: %s, want %s", month.Lines[i].Number, month.Lines[i].Balance, balance)
		}
	}
	if balance != month.Statement.Closing {
		t.Errorf("it ends with %s, not %s", balance, month.Statement.Closing)
	}
}
