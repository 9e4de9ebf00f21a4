package commands

import (
	"context"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

// RefundSaid is what the operator found out about a refund.
type RefundSaid struct {
	// Done says that the money has gone back, under the provider's receipt. PaidAt is when; now where it is zero.
	Done     bool
	Receipt  string
	PaidAt   time.Time
	Evidence string
}

// SettleRefund lets what the operator found out about a refund count. Errors: NotFound, Conflict, Invalid.
func (w *WriteSide) SettleRefund(ctx context.Context, ref transaction.Reference, id int64, said RefundSaid) (Outcome[transaction.State], error) {
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return known, err
	}
	if !known.State.Exists() {
		return known, domain.NotFoundf("refund not found")
	}
	verb, now := "fail", w.log.Now()
	if said.Done {
		verb = "settle"
	}
	at := said.PaidAt.UTC()
	if said.PaidAt.IsZero() {
		at = now
	}
	return Handle(ctx, w, ref.Stream(), transaction.SettleRefund{
		Refund: id, Done: said.Done, Receipt: said.Receipt, Evidence: said.Evidence,
		Digest: w.derive.hash("refund evidence", string(ref), itoa(id), verb, said.Receipt, said.Evidence), RefundedAt: at, At: now,
	}, By{Actor: byOperator, Merchant: known.State.Merchant})
}
