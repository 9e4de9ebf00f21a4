package commands

import (
	"context"

	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// reportPayoutCharge books what the provider says that it took for a payout. Of one whose end is not known yet the statement's own
// line counts first: a charge alone doesn't say when it was paid.
func (w *WriteSide) reportPayoutCharge(ctx context.Context, imp journal.State, i journal.Item, by By) (journal.Resolution, error) {
	ref := payout.Reference(i.Reference)
	s, err := fold[payout.State](ctx, w.log, ref.Stream())
	if err != nil || !s.State.Exists() {
		return journal.Resolution{}, err
	}
	if s.State.Status != payout.Paid {
		for n := 1; n <= imp.Len(); n++ {
			line, _ := imp.Item(n)
			if line.Reference != i.Reference || line.Entry != reconciliation.EntryPayout || line.Cause != reconciliation.MissingCallback || line.Stated.IsPositive() {
				continue
			}
			if _, err := w.completePayout(ctx, imp, line, by); err != nil {
				return journal.Resolution{}, err
			}
		}
	}
	raw, digest := w.wordsOf(imp, i)
	charge := money.Of(-i.Stated.Minor, i.Stated.Currency)
	out, err := Handle(ctx, w, ref.Stream(), payout.ReportCharge{Door: payout.DoorStatement, Raw: raw, Digest: digest, Charge: charge, At: w.log.Now()}, by)
	if err != nil || !out.Wrote() {
		return journal.Resolution{}, err
	}
	return journal.Resolution{Action: journal.Recorded, Reference: i.Reference}, nil
}
