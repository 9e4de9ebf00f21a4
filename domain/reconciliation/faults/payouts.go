package faults

import (
	"time"

	r "github.com/benfex/kipay/domain/reconciliation"
)

// Payout is money that is paid out in a month, as the books have it and as the statement shows it.
type Payout struct {
	r.Payout
	// Line is the receipt under which it is on the statement, Masked the phone as it is shown there, empty for a bank.
	Line, Masked string
	// Charge is what the provider takes for it, in cents, which the books learn of from the statement; 0 for nothing.
	Charge int64
	// After is how long after it was sent the provider pays it.
	After time.Duration
}

// paidOut puts a payout on the statement, and counts it.
func (b *builder) paidOut(p Payout) {
	if !p.BookedAt.IsZero() {
		b.booked -= p.Amount.Minor
	}
	at := p.SentAt.Add(p.After)
	b.add(r.Line{Kind: p.Kind, Receipt: p.Line, Phone: p.Masked, Amount: kes(-p.Amount.Minor), At: at}, nil, p.Reference)
	if p.Charge != 0 {
		b.add(r.Line{Kind: r.KindCharge, Receipt: p.Line, Amount: kes(-p.Charge), At: at},
			&Want{Fault: Charge, Reference: p.Reference, Rule: r.RuleReceipt, Cause: r.Fee, Amount: -p.Charge}, p.Reference)
	}
}
