package ledger

import (
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
)

// OfPayout are the postings of an event of a payout; before is the payout's state before it. What the provider is asked to
// pay is in transit until it is known to have arrived; what a person transferred is entered when it is recorded.
func OfPayout(before payout.State, e domain.Event) Postings {
	in := &entry{channel: before.Channel, funds: before.Funds}
	c, asked := before.Amount.Currency, before.Amount.Minor
	switch e := e.(type) {
	case payout.Sent:
		in.move(PayoutsInTransit, ProviderClearing, c, asked)
		return in.done(e.At)
	case payout.Failed:
		switch before.Status {
		case payout.Pending:
			in.move(ProviderClearing, PayoutsInTransit, c, asked)
		case payout.Paid: // it had been taken for paid; what the provider took for it stays until it gives that back
			in.move(ProviderClearing, in.arrival(before), c, before.Came.Minor)
		default:
			return Postings{}
		}
		return in.done(e.At)
	case payout.Completed:
		if before.Status == payout.Paid {
			return Postings{}
		}
		if before.Status == payout.Refused { // it had been taken for failed: on its way once more
			in.move(PayoutsInTransit, ProviderClearing, c, asked)
		}
		in.move(in.arrival(before), PayoutsInTransit, c, asked)
		in.move(in.arrival(before), ProviderClearing, c, e.Amount.Minor-asked)
		if before.Charge == nil {
			in.bear(e.Charge)
		}
		return in.done(e.PaidAt)
	case payout.ChargeReported:
		if before.Charge != nil {
			return Postings{}
		}
		in.bear(e.Charge)
		return in.done(before.PaidAt)
	case payout.Recorded:
		in.move(in.arrival(before), ProviderClearing, c, asked)
		return in.done(e.ValuedAt)
	}
	return Postings{}
}

// arrival is the account that a payout ends in: what the merchant has elsewhere where the money was its own, what the
// operator owes to it where it stood in the pool.
func (e *entry) arrival(p payout.State) Account {
	switch {
	case e.funds == fee.OfPool:
		return MerchantPayable
	case p.Destination.Kind == payout.ToBank:
		return Bank
	}
	return Wallet
}

// bear enters what a provider took for a payout, if it has said so.
func (e *entry) bear(charge money.Money) {
	e.move(ProviderFees, ProviderClearing, charge.Currency, charge.Minor)
}

// Change is what an event of a payment changes of what a channel can pay out, in minor units.
type Change struct {
	Channel  int64
	Currency money.Currency
	// Standing is what stands at the provider and is neither a payer's nor promised back, Owed what the operator owes.
	Standing, Owed int64
}

// Changes are those of an event's postings, one for each channel and currency, in their order.
func Changes(lines []Posting) []Change {
	var out []Change
	for _, l := range lines {
		i := 0
		for i < len(out) && (out[i].Channel != l.Channel || out[i].Currency != l.Currency) {
			i++
		}
		if i == len(out) {
			out = append(out, Change{Channel: l.Channel, Currency: l.Currency})
		}
		switch l.Account {
		case ProviderClearing, RefundsPayable, Suspense:
			out[i].Standing += l.Debit - l.Credit
		case MerchantPayable:
			out[i].Owed += l.Credit - l.Debit
		default: // neither stands at the provider nor is owed to the merchant
		}
	}
	return out
}
