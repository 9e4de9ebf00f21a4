package ledger

import (
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

// ofRefund are the postings of an event about money that goes back: promised it is owed to the payer, done it has left.
func ofRefund(before transaction.State, e domain.Event) Postings {
	switch e := e.(type) {
	case transaction.RefundRequested:
		in := entryAt(before, 0, e.Terms)
		in.takeBack(RefundsPayable, e.Amount, e.Surplus)
		return in.done(e.At)
	case transaction.RefundFailed:
		r, ok := before.RefundOf(e.Refund)
		if !ok || r.Status == transaction.RefundRefused {
			return Postings{}
		}
		in := entryAt(before, 0, e.Terms)
		if r.Status == transaction.RefundDone { // it had been taken for done
			in.takeBack(ProviderClearing, negative(r.Came), negative(r.Surplus))
			return in.done(e.At)
		}
		in.takeBack(RefundsPayable, negative(r.Amount), negative(r.Surplus))
		return in.done(e.At)
	case transaction.RefundCompleted:
		r, ok := before.RefundOf(e.Refund)
		if !ok || r.Status == transaction.RefundDone {
			return Postings{}
		}
		in := entryAt(before, 0, e.Terms)
		if r.Status == transaction.RefundRefused { // it had been taken for failed: promised once more
			in.takeBack(RefundsPayable, r.Amount, before.SurplusOf(r))
		}
		in.move(RefundsPayable, ProviderClearing, r.Amount.Currency, r.Amount.Minor)
		// What went beyond what was promised, or stayed, is of what was received.
		in.takeBack(ProviderClearing, money.Of(e.Amount.Minor-r.Amount.Minor, e.Amount.Currency), money.Of(0, e.Amount.Currency))
		return in.done(e.RefundedAt)
	case transaction.PaymentReversed:
		in := entryAt(before, 0, e.Terms)
		in.takeBack(ProviderClearing, e.Amount, e.Surplus)
		return in.done(e.ReversedAt)
	}
	return Postings{}
}

// takeBack enters an amount that goes from what was received to another account, some of it out of the surplus.
func (e *entry) takeBack(to Account, amount, surplus money.Money) {
	e.move(e.owner(), to, amount.Currency, amount.Minor-surplus.Minor)
	e.move(Suspense, to, amount.Currency, surplus.Minor)
}

func negative(m money.Money) money.Money { return money.Of(-m.Minor, m.Currency) }
