package reconciliation_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

// matcherOf is a matcher that was given a month.
func matcherOf(t testing.TB, month *faults.Month) *Matcher {
	t.Helper()
	m, err := New(month.Scope)
	if err != nil {
		t.Fatal(err)
	}
	m.Grow(len(month.Lines), len(month.Payments))
	for i := range month.Payments {
		err = firstOf(err, m.AddPayment(month.Payments[i]))
	}
	for i := range month.Refunds {
		err = firstOf(err, m.AddRefund(month.Refunds[i]))
	}
	for i := range month.Elsewhere {
		err = firstOf(err, m.AddElsewhere(month.Elsewhere[i]))
	}
	for i := range month.Lines {
		err = firstOf(err, m.AddLine(month.Lines[i]))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// matched are the results of a matcher.
func matched(t testing.TB, m *Matcher) ([]Result, Totals) {
	t.Helper()
	var out []Result
	totals, err := m.Match(func(r Result) error { out = append(out, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, totals
}

func TestEveryFaultOfAMonthIsFoundAndNoneIsMatchedFalsely(t *testing.T) {
	for _, seed := range []uint64{1, 20251101} {
		for _, newestFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(seed, newestFirst), func(t *testing.T) {
				plan := faults.Usual(seed, 96_500, 125)
				plan.NewestFirst = newestFirst
				month := faults.Make(plan)
				if len(month.Payments) < 100_000 {
					t.Fatalf("only %d payments", len(month.Payments))
				}
				results, totals := matched(t, matcherOf(t, &month))
				checkMonth(t, &month, results)
				checkTotals(t, &month, totals)
			})
		}
	}
}

type wanted struct {
	Line      int
	Kind      Kind
	Receipt   string
	Reference string
	Rule      Rule
	Cause     Cause
	Amount    int64
}

// checkMonth holds the results to what was put into the month: each fault found as what it is, nothing else found.
func checkMonth(t *testing.T, month *faults.Month, results []Result) {
	t.Helper()
	want := map[wanted]faults.Fault{}
	found := map[faults.Fault]int{}
	for _, w := range month.Wants {
		want[wanted{w.Line, w.Kind, w.Receipt, w.Reference, w.Rule, w.Cause, w.Amount}] = w.Fault
	}
	seen := map[int]bool{}
	for _, r := range results {
		got := wanted{r.Line, r.Kind, r.Receipt, r.Reference, r.Rule, r.Cause, r.Amount.Minor}
		if f, ok := want[got]; ok {
			found[f]++
			delete(want, got)
		} else if r.Cause != "" || r.Line == 0 || r.Rule != RuleReceipt {
			t.Errorf("nobody put this in: %+v", r)
		}
		if r.Line == 0 {
			continue
		}
		seen[r.Line] = true
		if r.Reference != "" && !slices.Contains(month.Owners[r.Line], r.Reference) {
			t.Errorf("a false match: line %d is %v's, and was matched to %s", r.Line, month.Owners[r.Line], r.Reference)
		}
		if (r.Cause == "") != (r.State == "") || (r.Cause == "") != (r.Explanation == "") {
			t.Errorf("half a difference: %+v", r)
		}
	}
	for w, f := range want {
		t.Errorf("%s was not found: %+v", f, w)
		if len(want) > 20 {
			break // the first tells enough
		}
	}
	if len(seen) != len(month.Lines) {
		t.Errorf("%d lines have results, of %d", len(seen), len(month.Lines))
	}
	for _, f := range faults.All() {
		if found[f] == 0 {
			t.Errorf("no %s was found", f)
		}
	}
}

func checkTotals(t *testing.T, month *faults.Month, totals Totals) {
	t.Helper()
	var lines int64
	for i := range month.Lines {
		if !month.Lines[i].Kind.OwnTransfer() {
			lines += month.Lines[i].Amount.Minor
		}
	}
	causes := map[Cause]Sum{}
	for _, w := range month.Wants {
		if w.Cause == "" {
			continue
		}
		s := causes[w.Cause]
		s.Count++
		s.Amount = money.Of(s.Amount.Minor+w.Amount, money.KES)
		s.Gross = money.Of(s.Gross.Minor+max(w.Amount, -w.Amount), money.KES)
		causes[w.Cause] = s
	}
	if diff := cmp.Diff(causes, totals.ByCause); diff != "" {
		t.Errorf("by cause (-want +got):\n%s", diff)
	}
	for _, c := range Causes() {
		if causes[c].Count == 0 {
			t.Errorf("the month holds no %s", c)
		}
	}
	books := month.Clearing.Closing.Minor - month.Clearing.Opening.Minor
	if totals.Statement.Minor != lines || totals.Books.Minor != books || totals.Difference.Minor != lines-books || totals.Lines != len(month.Lines) {
		t.Errorf("%+v; want %d of lines and %d of books", totals, lines, books)
	}
	if totals.Explained.Minor+totals.Unexplained.Minor != lines-books {
		t.Errorf("explained %s and unexplained %s are not the difference %s", totals.Explained, totals.Unexplained, totals.Difference)
	}

	check := NewBalanceCheck(money.KES)
	for i := range month.Lines {
		check.Add(month.Lines[i])
	}
	balance := check.Result()
	if balance.Breaks != 0 || balance.Checked != len(month.Lines)-1 || *balance.Opening != month.Statement.Opening || *balance.Closing != month.Statement.Closing {
		t.Errorf("the running balance: %+v", balance)
	}
	proof, err := Prove(month.Clearing, month.Statement, totals, balance)
	if err != nil || !proof.Ties || proof.Proven {
		t.Errorf("the proof: %+v, %v", proof, err)
	}
	if last := proof.Steps[len(proof.Steps)-1]; last.Balance != month.Statement.Closing {
		t.Errorf("the steps end with %s, the statement with %s", last.Balance, month.Statement.Closing)
	}
}
