package reconciliation

import (
	"time"

	"github.com/benfex/kipay/domain/money"
)

// Order is how a statement sorts its lines. Portals show the newest first, files made from them either way.
type Order string

// The orders.
const (
	OldestFirst Order = "oldest_first"
	NewestFirst Order = "newest_first"
)

// Break is a line at which the running balance does not follow from the line before it in time.
type Break struct {
	Line int
	// Stated is the balance that the line shows, Expected what it should be.
	Stated   money.Money
	Expected money.Money
}

// Balance is what the check of the running balance found.
type Balance struct {
	Order Order
	// Lines is how many lines were given, Checked how many balances could be compared with the one before.
	Lines   int
	Checked int
	// Breaks is how many did not follow; First is the first of them in the file, nil when there is none.
	Breaks int
	First  *Break
	// Opening and Closing are the balances before the earliest and after the latest line, nil when no line shows one.
	Opening *money.Money
	Closing *money.Money
	// Moved is the sum of all lines.
	Moved money.Money
}

// BalanceCheck checks the running balance of a statement, line by line in the order of the file, in constant memory. It
// follows both orders at once, because which one it is shows only at the end.
type BalanceCheck struct {
	currency money.Currency
	lines    int
	checked  int
	first    time.Time
	last     time.Time
	moved    int64
	// The last line that shows a balance, and what the lines since then moved.
	seen    bool
	balance int64
	amount  int64 // of that line
	number  int
	since   int64 // moved by the lines after it
	// before and after are the balances around the first line with a balance, and what was moved by lines above it.
	before, after, above int64
	forward, backward    breaks
}

type breaks struct {
	count int
	first *Break
}

// NewBalanceCheck is a check of a statement in one currency.
func NewBalanceCheck(c money.Currency) *BalanceCheck { return &BalanceCheck{currency: c} }

// Add takes the next line of the file. Lines without a balance count for the next one that shows it.
func (b *BalanceCheck) Add(l Line) {
	b.lines++
	if b.lines == 1 {
		b.first = l.At
	}
	b.last = l.At
	b.moved += l.Amount.Minor
	if l.Balance == nil {
		if b.seen {
			b.since += l.Amount.Minor
		} else {
			b.above += l.Amount.Minor
		}
		return
	}
	stated := l.Balance.Minor
	if !b.seen {
		b.seen, b.before, b.after = true, stated-l.Amount.Minor, stated
	} else {
		b.checked++
		// Oldest first: this balance is the last one and what moved since.
		b.forward.compare(b.currency, l.Number, stated, b.balance+b.since+l.Amount.Minor)
		// Newest first: the balance shown before is this one and what moved between, its own line included.
		b.backward.compare(b.currency, b.number, b.balance, stated+b.since+b.amount)
	}
	b.balance, b.amount, b.number, b.since = stated, l.Amount.Minor, l.Number, 0
}

func (k *breaks) compare(c money.Currency, line int, stated, expected int64) {
	if stated == expected {
		return
	}
	k.count++
	if k.first == nil {
		k.first = &Break{Line: line, Stated: money.Of(stated, c), Expected: money.Of(expected, c)}
	}
}

// Result is what was found. The order is the one that the times of the first and last line show; where they are the same,
// the one in which fewer balances break.
func (b *BalanceCheck) Result() Balance {
	r := Balance{Order: OldestFirst, Lines: b.lines, Checked: b.checked, Moved: money.Of(b.moved, b.currency)}
	if b.first.After(b.last) || b.first.Equal(b.last) && b.backward.count < b.forward.count {
		r.Order = NewestFirst
	}
	found := b.forward
	if r.Order == NewestFirst {
		found = b.backward
	}
	r.Breaks, r.First = found.count, found.first
	if !b.seen {
		return r
	}
	opening, closing := b.before-b.above, b.balance+b.since
	if r.Order == NewestFirst {
		opening, closing = b.balance-b.amount-b.since, b.after+b.above
	}
	o, c := money.Of(opening, b.currency), money.Of(closing, b.currency)
	r.Opening, r.Closing = &o, &c
	return r
}
