package reconciliation

import (
	"fmt"

	"github.com/benfex/kipay/domain/money"
)

// Sum is how many results there are of something, and what they make.
type Sum struct {
	Count int
	// Amount is what they add to the difference; Gross is the same without signs, so that two that cancel out still show.
	Amount money.Money
	Gross  money.Money
}

// Totals is what a reconciliation comes to.
type Totals struct {
	// Lines is how many lines there are, Matched how many of them are tied to an entry of ours, with a difference or without.
	Lines   int
	Matched int
	// Statement is the sum of the lines, without the own transfers that the books don't keep; Books is the sum of what
	// the books count at this channel in the period; Difference is the first less the second.
	Statement  money.Money
	Books      money.Money
	Difference money.Money
	// Explained and Unexplained are the parts of the difference.
	Explained   money.Money
	Unexplained money.Money
	ByCause     map[Cause]Sum
	// OpenCount is how many differences somebody has to act on.
	OpenCount int
	// Transfers are the own transfers that are not in Statement, by kind.
	Transfers map[Kind]Sum
	// ByRule counts the lines by the rule that decided about them.
	ByRule map[Rule]int
}

func newTotals(c money.Currency) Totals {
	zero := money.Of(0, c)
	return Totals{
		Statement: zero, Books: zero, Difference: zero, Explained: zero, Unexplained: zero,
		ByCause: map[Cause]Sum{}, Transfers: map[Kind]Sum{}, ByRule: map[Rule]int{},
	}
}

// addLine counts a line, before anything is known of its difference.
func (t *Totals) addLine(r *Result) {
	t.Lines++
	t.Statement.Minor += r.Stated.Minor
	t.ByRule[r.Rule]++
	if r.Matched() {
		t.Matched++
	}
}

func (t *Totals) addDifference(r *Result) {
	if r.State == Open {
		t.OpenCount++
	}
	s := t.ByCause[r.Cause]
	s.plus(r.Amount)
	t.ByCause[r.Cause] = s
	if r.Cause == Unexplained {
		t.Unexplained = t.Unexplained.Add(r.Amount)
	} else {
		t.Explained = t.Explained.Add(r.Amount)
	}
}

// addTransfer takes an own transfer out of the statement's sum, after addLine.
func (t *Totals) addTransfer(l *lineRec) {
	t.Statement.Minor -= l.amount
	s := t.Transfers[l.kind]
	s.plus(money.Of(l.amount, t.Statement.Currency))
	t.Transfers[l.kind] = s
}

func (s *Sum) plus(m money.Money) {
	s.Count++
	s.Amount = money.Of(s.Amount.Minor+m.Minor, m.Currency)
	s.Gross = money.Of(s.Gross.Minor+max(m.Minor, -m.Minor), m.Currency)
}

// BrokenInvariant is sums that do not add up: a fault of ours, never of a statement.
type BrokenInvariant struct {
	What      string
	Want, Got money.Money
}

// Error names the numbers.
func (e *BrokenInvariant) Error() string {
	return fmt.Sprintf("reconciliation: %s should be %s and is %s", e.What, e.Want.Format(), e.Got.Format())
}

// Check holds the totals to the invariant: statement − books = difference = explained + unexplained, and the causes make up
// both. The error is a *BrokenInvariant.
func (t Totals) Check() error {
	c := t.Statement.Currency
	var explained, unexplained int64
	for cause, s := range t.ByCause {
		if cause == Unexplained {
			unexplained += s.Amount.Minor
		} else {
			explained += s.Amount.Minor
		}
	}
	for _, e := range [...]struct {
		what      string
		want, got int64
	}{
		{"the difference, statement less books,", t.Statement.Minor - t.Books.Minor, t.Difference.Minor},
		{"explained and unexplained together", t.Difference.Minor, t.Explained.Minor + t.Unexplained.Minor},
		{"the sum of the causes that explain", t.Explained.Minor, explained},
		{"what is unexplained", t.Unexplained.Minor, unexplained},
	} {
		if e.want != e.got {
			return &BrokenInvariant{What: e.what, Want: money.Of(e.want, c), Got: money.Of(e.got, c)}
		}
	}
	return nil
}
