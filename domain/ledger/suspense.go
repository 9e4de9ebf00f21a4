package ledger

import (
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
)

// OfReceipt are the postings of an event of a receipt: money that only a statement shows stands in suspense, and leaves it. One
// event says all that is needed.
func OfReceipt(e domain.Event) Postings {
	switch e := e.(type) {
	case receipt.SuspenseOpened:
		in := &entry{channel: e.Channel, funds: e.Funds}
		in.receive(money.Of(0, e.Amount.Currency), e.Amount)
		return in.done(e.PaidAt)
	case receipt.SuspenseReleased:
		in := &entry{channel: e.Channel, funds: e.Funds}
		switch e.How {
		case receipt.ReleaseCredited: // the transaction enters it again, as what it is
			if e.Was == receipt.ReleaseWrittenOff {
				in.move(WriteOff, ProviderClearing, e.Amount.Currency, e.Amount.Minor)
				return in.done(e.At)
			}
			in.receive(money.Of(0, e.Amount.Currency), negative(e.Amount))
			return in.done(e.PaidAt)
		case receipt.ReleaseReturned:
			in.move(Suspense, ProviderClearing, e.Amount.Currency, e.Amount.Minor)
		case receipt.ReleaseWrittenOff:
			in.move(Suspense, WriteOff, e.Amount.Currency, e.Amount.Minor)
		}
		return in.done(e.At)
	case receipt.SuspenseRestored:
		in := &entry{channel: e.Channel, funds: e.Funds}
		switch e.Was {
		case receipt.ReleaseReturned:
			in.move(ProviderClearing, Suspense, e.Amount.Currency, e.Amount.Minor)
		case receipt.ReleaseWrittenOff:
			in.move(WriteOff, Suspense, e.Amount.Currency, e.Amount.Minor)
		case receipt.ReleaseCredited: // it is the transaction's
		}
		return in.done(e.At)
	}
	return Postings{}
}
