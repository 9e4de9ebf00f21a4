package commands

import (
	"context"
	"time"

	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// bookedBefore is how far the provider's clock may be ahead of ours.
const bookedBefore = time.Hour

// stoodAlone finds out since when the books have money that stood as a payment of its own until the payment that had asked for it took it
// over: that only changed whose it is. It is looked for where it matters to which period the money belongs.
func (l *loader) stoodAlone(ctx context.Context, b *bookOf) error {
	for _, m := range b.state.Payments {
		at := b.credited[m.Receipt]
		if !l.parted(m.PaidAt, at) {
			continue
		}
		r, err := fold[receipt.State](ctx, l.w.log, receipt.Stream(l.receipt, m.Receipt))
		if err != nil {
			return err
		}
		for _, reference := range r.State.Alone() {
			alone := bookOf{currency: b.currency}
			take := func(e eventstore.Envelope) error { alone.take(e); return nil }
			if err := l.w.log.EachInStreamOf(ctx, transaction.Reference(reference).Stream(), 0, transaction.OfMoney, take); err != nil {
				return asUnavailable(err)
			}
			since, had := alone.credited[m.Receipt]
			if alone.state.MergedInto != b.state.Reference || !had || !since.Before(at) || alone.state.Channel != b.state.ChannelOf(m) {
				continue
			}
			for i := range b.fees {
				if b.fees[i].At.Equal(at) {
					b.fees[i].At = since
				}
			}
			b.credited[m.Receipt], at = since, since
		}
	}
	return nil
}

// parted tells whether the statement's period begins or ends between the payment and when it was credited.
func (l *loader) parted(paid, credited time.Time) bool {
	for _, edge := range []time.Time{l.scope.Period.From, l.scope.Period.Until} {
		if paid.Add(-bookedBefore).Before(edge) && !credited.Before(edge) {
			return true
		}
	}
	return false
}
