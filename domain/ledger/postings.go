// Package ledger makes balanced double entries from events: one pure function for each kind of aggregate, from the state
// before an event and the event to its postings. Nothing is posted without an event, and the same events make the same
// postings every time, byte for byte.
//
// An event's postings belong to the merchant whose aggregate it is, in the aggregate's mode. Debits equal credits in each
// event, currency by currency.
//
// What must not live here: where entries are kept and summed (projections), how they are shown (readapi).
package ledger

import (
	"fmt"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

// Posting is one side of an entry, in minor units; one of Debit and Credit is zero, neither is negative.
type Posting struct {
	Account  Account
	Currency money.Currency
	// Channel is where the money is, 0 where that says nothing.
	Channel int64
	Debit   int64
	Credit  int64
}

// MaxPostings bounds the postings of one event.
const MaxPostings = 16

// Postings are what one event enters.
type Postings struct {
	// EffectiveAt is when it happened: by the provider's clock where that is known.
	EffectiveAt time.Time
	Lines       []Posting
}

// entry collects the postings of one event.
type entry struct {
	channel int64
	funds   fee.Funds
	lines   []Posting
}

// move debits one account and credits another; a negative amount goes the other way, zero nowhere.
func (e *entry) move(debit, credit Account, c money.Currency, minor int64) {
	if minor == 0 {
		return
	}
	if minor < 0 {
		debit, credit, minor = credit, debit, -minor
	}
	e.lines = append(e.lines,
		Posting{Account: debit, Currency: c, Channel: e.channel, Debit: minor},
		Posting{Account: credit, Currency: c, Channel: e.channel, Credit: minor})
}

// done is the entry. It panics on one that doesn't balance, which is a broken invariant of ours.
func (e *entry) done(effective time.Time) Postings {
	if len(e.lines) == 0 {
		return Postings{}
	}
	sums := map[money.Currency]int64{}
	for _, l := range e.lines {
		sums[l.Currency] += l.Debit - l.Credit
	}
	for c, sum := range sums {
		if sum != 0 || len(e.lines) > MaxPostings {
			panic(fmt.Sprintf("ledger: %d postings whose debits and credits differ by %d %s", len(e.lines), sum, c))
		}
	}
	return Postings{EffectiveAt: effective, Lines: e.lines}
}

// OfTransaction are the postings of an event of a payment; before is the payment's state before it. Most events move
// nothing.
func OfTransaction(before transaction.State, e domain.Event) Postings {
	switch e := e.(type) {
	case transaction.PaymentReceived:
		in := entryAt(before, e.Attempt, e.Terms)
		in.receive(e.Credited, e.Surplus)
		if c := e.Amount.Currency; c != e.Credited.Currency {
			in.move(ProviderClearing, Suspense, c, e.Amount.Minor)
		}
		in.charge(e.Charge)
		return in.done(e.PaidAt)
	case transaction.PaymentConfirmed:
		in := entryAt(before, e.Attempt, e.Terms)
		in.receive(e.Credited, e.Surplus)
		in.charge(e.Charge)
		return in.done(e.At)
	case transaction.ProviderFeeReported:
		in := entryAt(before, e.Attempt, e.Terms)
		in.charge(e.Charge)
		for _, p := range before.Payments {
			if p.Receipt == e.Receipt {
				return in.done(p.PaidAt)
			}
		}
		return in.done(e.At)
	case transaction.Merged:
		in := entryAt(before, 0, e.Terms)
		in.receive(e.Credited, e.Surplus)
		in.charge(e.Charge)
		if at := before.PaidAt(); !at.IsZero() {
			return in.done(at) // as if it had never been entered here
		}
		return in.done(e.At)
	}
	return ofRefund(before, e)
}

// entryAt begins an entry at the event's channel; events of version 1 name none, and mean the attempt's.
func entryAt(before transaction.State, attempt int, t transaction.Terms) *entry {
	e := &entry{channel: t.Channel, funds: t.Funds}
	if e.channel == 0 {
		e.channel = before.Channel
		if a, ok := before.Attempt(attempt); ok && a.Channel != 0 {
			e.channel = a.Channel
		}
	}
	return e
}

// owner is the account that says whose the money is.
func (e *entry) owner() Account {
	if e.funds == fee.OfPool {
		return MerchantPayable
	}
	return Sales
}

// receive enters money that came: what the payer owed, and what is more.
func (e *entry) receive(credited, surplus money.Money) {
	e.move(ProviderClearing, e.owner(), credited.Currency, credited.Minor)
	e.move(ProviderClearing, Suspense, surplus.Currency, surplus.Minor)
}

// charge enters what a movement costs. The provider takes its fee out of what stands there.
func (e *entry) charge(c fee.Charge) {
	e.move(ProviderFees, ProviderClearing, c.Currency, c.Provider+c.ProviderTax)
	if e.funds == fee.OfPool {
		e.move(MerchantPayable, OwnFees, c.Currency, c.Own)
		e.move(MerchantPayable, TaxPayable, c.Currency, c.OwnTax)
		return
	}
	e.move(GatewayFees, FeesPayable, c.Currency, c.Own+c.OwnTax)
}
