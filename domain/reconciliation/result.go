package reconciliation

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Entry is what kind of book entry a result is about.
type Entry string

// The entries.
const (
	EntryPayment Entry = "payment"
	EntryFee     Entry = "fee"
	EntryRefund  Entry = "refund"
	EntryPayout  Entry = "payout"
)

// Result is one line, one amount in the books, or the two together. A line or amount can have two results when two causes
// share its difference.
type Result struct {
	// Line is the line's number, 0 for what only the books have; Key is its identity.
	Line int
	Key  string
	Kind Kind
	// Receipt is the provider's.
	Receipt string
	// Entry and Reference name the book entry, empty when there is none.
	Entry     Entry
	Reference string
	// Payment is the reference of the payment that a refund gives back.
	Payment string
	// References are the candidates of an ambiguous line, at most MaxNamed.
	References []string
	Events     []string
	Rule       Rule
	Cause      Cause // empty: no difference
	State      State // empty: no difference
	// Amount is what this adds to the difference, statement − books. Over all results it sums up to the whole difference.
	Amount money.Money
	// Stated is what the statement shows, Booked what the books count in the period.
	Stated money.Money
	Booked money.Money
	// Members is how many amounts in the books a line of many stands for.
	Members int
	// At is the line's time, or the provider's time of what only the books have.
	At time.Time
	// Explanation is for people; it holds no personal data.
	Explanation string
}

// Matched tells whether the result ties a line to an entry of ours.
func (r *Result) Matched() bool {
	return r.Line != 0 && (r.Reference != "" || r.Members > 0)
}

// Identity names the result by what it is about, the same in every run over the same facts, so that what a person resolved
// stays resolved.
func (r *Result) Identity() string {
	switch {
	case r.Line == 0:
		return "book:" + string(r.Entry) + ":" + r.Reference + ":" + r.Receipt + ":" + string(r.Cause)
	case r.Key != "":
		return "line:" + r.Key + ":" + string(r.Cause)
	}
	return "line:" + strconv.Itoa(r.Line) + ":" + string(r.Kind) + ":" + r.Receipt + ":" + string(r.Cause)
}
