package faults

import (
	"sort"
	"time"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Month is what a plan makes.
type Month struct {
	Scope     reconciliation.Scope
	Payments  []reconciliation.Payment
	Refunds   []reconciliation.Refund
	Elsewhere []reconciliation.Elsewhere
	// Lines are the statement, as its file shows it.
	Lines []reconciliation.Line
	// Statement and Clearing are the balances of the statement and of the books' clearing account.
	Statement reconciliation.Account
	Clearing  reconciliation.Account
	// Wants are the results that have to be found, beside the lines that agree with the books.
	Wants []Want
	// Owners is, by line number, the reference of the payment or refund whose money the line is; lines of nobody's are not
	// in it. A line that is matched to anything else is a false match.
	Owners map[int][]string
}

// Want is one result that has to be found.
type Want struct {
	Fault Fault
	// Line is the line's number, 0 for what only the books have.
	Line    int
	Kind    reconciliation.Kind
	Receipt string
	// Reference is the book entry that the result has to name, empty for none.
	Reference string
	Rule      reconciliation.Rule
	Cause     reconciliation.Cause
	Amount    int64 // cents
}

// row is a line before it has its place.
type row struct {
	reconciliation.Line
	owners []string
	want   *Want
}

// builder makes a month.
type builder struct {
	plan   Plan
	until  time.Time
	draw   source
	month  Month
	rows   []row
	booked int64

	receipts, references uint64
	accounts, rare       int
}

// Make makes the month of a plan.
func Make(p Plan) Month {
	b := &builder{plan: p, until: p.From.AddDate(0, 0, p.Days), draw: source{state: p.Seed}}
	b.month.Scope = reconciliation.Scope{
		Source: reconciliation.SourceMpesa, Channel: p.Channel, Currency: money.KES,
		Period: reconciliation.Period{From: p.From, Until: b.until},
	}
	for range p.Clean {
		b.clean()
	}
	for _, f := range All() {
		for range p.Counts[f] {
			b.fault(f)
		}
	}
	for _, p := range b.plan.Payouts {
		b.paidOut(p)
	}
	b.assemble()
	return b.month
}

// assemble sorts the rows by time, numbers them and computes their balances.
func (b *builder) assemble() {
	order := make([]int, len(b.rows))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool {
		x, y := order[i], order[j]
		if at, other := b.rows[x].At, b.rows[y].At; !at.Equal(other) {
			return at.Before(other)
		}
		return x < y
	})
	m := &b.month
	balance := b.plan.Opening.Minor
	m.Statement.Opening, m.Clearing.Opening = b.plan.Opening, b.plan.Opening
	m.Lines = make([]reconciliation.Line, len(b.rows))
	m.Owners = make(map[int][]string, len(b.rows))
	for i, from := range order {
		r := &b.rows[from]
		balance += r.Amount.Minor
		after := money.Of(balance, money.KES)
		r.Balance = &after
		place := i
		if b.plan.NewestFirst {
			place = len(b.rows) - 1 - i
		}
		r.Number = b.plan.FirstRow + place
		m.Lines[place] = r.Line
		if len(r.owners) > 0 {
			m.Owners[r.Number] = r.owners
		}
		if r.want != nil {
			r.want.Line, r.want.Receipt, r.want.Kind = r.Number, r.Receipt, r.Kind
			m.Wants = append(m.Wants, *r.want)
		}
	}
	m.Statement.Closing = money.Of(balance, money.KES)
	m.Clearing.Closing = money.Of(b.plan.Opening.Minor+b.booked, money.KES)
}

// add appends a row of the statement.
func (b *builder) add(l reconciliation.Line, want *Want, owners ...string) {
	if l.Started.IsZero() {
		l.Started = l.At.Add(-time.Second)
	}
	b.rows = append(b.rows, row{Line: l, want: want, owners: owners})
}

// books appends a payment, and counts what it brings to the clearing account in the month.
func (b *builder) books(p reconciliation.Payment) {
	if p.Channel == b.plan.Channel {
		for _, r := range p.Receipts {
			if !r.CreditedAt.Before(b.plan.From) && r.CreditedAt.Before(b.until) {
				b.booked += r.Amount.Minor
			}
		}
	}
	b.month.Payments = append(b.month.Payments, p)
}

// refund appends a refund of ours, and counts it.
func (b *builder) refund(r reconciliation.Refund) {
	if !r.BookedAt.IsZero() {
		b.booked -= r.Amount.Minor
	}
	b.month.Refunds = append(b.month.Refunds, r)
}

// absent is a want of something that only the books have.
func (b *builder) absent(w Want) { b.month.Wants = append(b.month.Wants, w) }

func kes(minor int64) money.Money { return money.Of(minor, money.KES) }
