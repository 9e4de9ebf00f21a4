package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// countedAtOnce is how many payments' differences count at the same time.
const countedAtOnce = 32

// byReconciliation is who lets a statement count.
const byReconciliation = "reconciliation"

// act lets what is certain count: a payment that only the statement shows is credited, money of unknown payers goes into
// suspense, charges and reversals are booked. Each may be repeated.
func (c *comparison) act(ctx context.Context) error {
	by := c.job.by
	by.Actor = byReconciliation
	if err := c.completePayouts(ctx, by); err != nil {
		return err
	}
	imp := c.imp
	for n := 1; n <= imp.Len(); {
		var items []journal.Item
		for ; n <= imp.Len() && len(items) < decisionsAtOnce; n++ {
			if item, _ := imp.Item(n); item.Action == "" {
				items = append(items, item)
			}
		}
		done, err := c.count(ctx, imp, items, by)
		if len(done) > 0 {
			var kept error
			c.known, kept = handleFrom(ctx, c.w, journal.Stream(c.job.id), c.known, journal.Resolve{Resolved: journal.Resolved{
				ID: c.job.id, Subject: c.imp.Subject, Resolutions: done, At: c.w.log.Now(),
			}}, by)
			c.imp, err = c.known.State, errors.Join(err, kept)
		}
		if err != nil {
			return err
		}
		c.news(ImportProgress{Step: "counting", Done: n - 1, Total: imp.Len()})
	}
	return c.carryOver(ctx, by)
}

// count lets differences count and answers what was done, in their order. Those of one payment or receipt come one after the other, as
// they would if all did; the others share syncs.
func (c *comparison) count(ctx context.Context, imp journal.State, items []journal.Item, by By) ([]journal.Resolution, error) {
	together := map[string][]int{}
	for at, i := range items {
		about := cmp.Or(i.Payment, i.Reference, i.Receipt)
		together[about] = append(together[about], at)
	}
	decided := make([]journal.Resolution, len(items))
	g, counting := errgroup.WithContext(ctx)
	g.SetLimit(countedAtOnce)
	for _, places := range together {
		g.Go(func() error {
			for _, at := range places {
				if counting.Err() != nil {
					return counting.Err()
				}
				r, err := c.w.evidence(counting, imp, c.channel, items[at], by)
				switch code := domain.CodeOf(err); {
				case err != nil && (counting.Err() != nil || code == domain.CodeUnavailable):
					return fmt.Errorf("line %d: %w", items[at].Line, err)
				case err != nil: // what can't count stays open, for a person
					c.w.Logger.Error().Int64("import", imp.ID).Int("line", items[at].Line).Err(err).Msg("a line of a statement could not count")
				case r.Action != "":
					r.N = items[at].N
					decided[at] = r
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(decided, func(r journal.Resolution) bool { return r.Action == "" }), err
}

// evidence lets one difference count, if that is certain, and answers what was done.
func (w *WriteSide) evidence(ctx context.Context, imp journal.State, ch channel.State, i journal.Item, by By) (journal.Resolution, error) {
	none := journal.Resolution{}
	in := i.Stated.IsPositive()
	switch {
	case imp.Channel == 0 || i.Line == 0:
		return none, nil // a bank's statement is no provider's word; what only the books have, no line says anything of
	case i.Cause == reconciliation.UnknownPayer && in:
		return w.suspend(ctx, imp, ch, i, by)
	case (i.Cause == reconciliation.MissingCallback || i.Cause == reconciliation.Duplicate) && i.Entry == reconciliation.EntryPayment && in:
		return w.creditMissing(ctx, imp, ch, i, by)
	case (i.Cause == reconciliation.MissingCallback || i.Cause == reconciliation.Reversal) && i.Entry == reconciliation.EntryRefund && !in:
		return w.completeRefund(ctx, imp, i, by)
	case i.Cause == reconciliation.MissingCallback && i.Entry == reconciliation.EntryPayout && !in:
		return w.completePayout(ctx, imp, i, by)
	case i.Cause == reconciliation.Reversal && i.Entry == reconciliation.EntryPayment && !in:
		return w.recordTakenBack(ctx, imp, i, by)
	case i.Cause == reconciliation.Fee && i.Entry == reconciliation.EntryFee && i.Reference != "" && !in:
		if _, ok := payout.ParseReference(i.Reference); ok {
			return w.reportPayoutCharge(ctx, imp, i, by)
		}
		return w.reportCharge(ctx, imp, i, by)
	}
	return none, nil
}

// suspend puts the money of an unknown payer into suspense.
func (w *WriteSide) suspend(ctx context.Context, imp journal.State, ch channel.State, i journal.Item, by By) (journal.Resolution, error) {
	if !receipt.Valid(i.Receipt) {
		return journal.Resolution{}, nil
	}
	line, key := lineOf(i), i.Subject
	if key == "" {
		key = journal.LineKey(imp.ID, i.N)
	}
	out, err := Handle[receipt.State](ctx, w, receipt.Stream(ch.ReceiptScope(), i.Receipt), receipt.OpenSuspense{SuspenseOpened: receipt.SuspenseOpened{
		Provider: string(ch.Provider), Number: i.Receipt, Merchant: imp.Merchant, Mode: imp.Mode, Channel: imp.Channel, Funds: ch.Terms().Funds,
		Amount: i.Stated, PaidAt: i.At, Import: imp.ID, Line: i.Line, Subject: key,
		Account: domain.Personal(line.Account), Party: domain.Personal(line.Party), At: w.log.Now(),
	}}, by)
	if err != nil || out.State.Suspense == nil || !isNoted(out.State, imp, i) { // what another line brought is not this one's
		return journal.Resolution{}, err
	}
	return journal.Resolution{Action: journal.Suspended}, nil
}

// creditMissing completes the payment that the line was found to be. Money for an account that has paid before is nobody's until
// a person says so.
func (w *WriteSide) creditMissing(ctx context.Context, imp journal.State, ch channel.State, i journal.Item, by By) (journal.Resolution, error) {
	t, err := fold[transaction.State](ctx, w.log, transaction.Reference(i.Reference).Stream())
	if err != nil {
		return journal.Resolution{}, err
	}
	if s := t.State; s.Origin == transaction.FromC2B && !s.HasReceipt(i.Receipt) {
		return w.suspend(ctx, imp, ch, i, by)
	}
	if err := w.creditLine(ctx, imp, ch, i, i.Reference, by); err != nil {
		if domain.CodeOf(err) == domain.CodeConflict {
			return journal.Resolution{}, nil // the difference stays open
		}
		return journal.Resolution{}, err
	}
	return journal.Resolution{Action: journal.Recorded, Reference: i.Reference}, nil
}

// creditable is the transaction that the money of a line can be counted for, under its receipt. Errors: Invalid on reference when there
// is no such transaction of the merchant's; Conflict when the receipt pays another one, or stands for another amount than the line.
func (w *WriteSide) creditable(ctx context.Context, imp journal.State, i journal.Item, reference string, r receipt.State) (transaction.State, error) {
	ref, ok := transaction.ParseReference(reference)
	if !ok {
		return transaction.State{}, domain.Invalid("reference", "is not a reference of Kipay")
	}
	t, err := fold[transaction.State](ctx, w.log, ref.Stream())
	s := t.State
	switch {
	case err != nil:
		return s, err
	case !s.Exists() || s.Merchant != imp.Merchant || s.Mode != imp.Mode:
		return s, domain.Invalid("reference", "does not exist")
	case s.MergedInto != "":
		return s, domain.Invalid("reference", "is a part of "+string(s.MergedInto))
	case r.WentBack():
		return s, domain.Conflictf("The money under the receipt %s was noted as returned: it can't be credited", i.Receipt)
	case r.Noted != nil && !isNoted(r, imp, i):
		return s, notOfThisLine(r, imp)
	case r.Owner != "" && r.Owner != reference && !r.OwnedAlone():
		return s, domain.Conflictf("The receipt %s pays %s already", i.Receipt, r.Owner)
	case s.HasReceipt(i.Receipt):
		return s, sameAmount(i, reference, amountUnder(s, i.Receipt))
	case r.OwnedAlone():
		if err := sameAmount(i, r.Owner, r.Trusted.Amount); err != nil {
			return s, err
		}
		alone, err := fold[transaction.State](ctx, w.log, transaction.Reference(r.Owner).Stream())
		switch {
		case err != nil:
		case len(alone.State.Payments) > 1:
			err = domain.Conflictf("%s holds other receipts than %s too", r.Owner, i.Receipt)
		case r.Owner != reference && alone.State.GivesBack() && !s.AwaitsReceipt(attemptFor(s, imp.Channel)):
			err = domain.Conflictf("The receipt %s pays %s already, which gives the money back", i.Receipt, r.Owner)
		}
		return s, err
	}
	return s, nil
}

// sameAmount is the error of a line whose receipt came with another amount.
func sameAmount(i journal.Item, owner string, came money.Money) error {
	if came != i.Stated {
		return domain.Conflictf("The receipt %s pays %s already, with %s: the line's %s can't be credited", i.Receipt, owner, came.Format(), i.Stated.Format())
	}
	return nil
}

// creditLine counts the money of a line for a transaction, under the line's receipt. It may be repeated. Errors: those of creditable.
func (w *WriteSide) creditLine(ctx context.Context, imp journal.State, ch channel.State, i journal.Item, reference string, by By) error {
	r, err := w.receiptOf(ctx, ch, i)
	if err != nil || r.StoodOnly == reference { // counted before, and the push that had asked for it has it since
		return err
	}
	t, err := w.creditable(ctx, imp, i, reference, r)
	if err != nil {
		return err
	}
	raw, digest := w.wordsOf(imp, i)
	attempt := attemptFor(t, ch.ID)
	heard, err := Handle(ctx, w, t.Reference.Stream(), transaction.ReceiveCallback{
		Door: transaction.DoorStatement, Attempt: attempt, Digest: digest, Raw: raw, At: w.log.Now(),
	}, by)
	if err != nil {
		return err
	}
	err = w.credit(ctx, heard.State, ch.ReceiptScope(), transaction.Evidence{
		Door: transaction.DoorStatement, Kind: transaction.ReceiptGiven, Attempt: attempt, Digest: digest, Receipt: i.Receipt, Amount: i.Stated,
		Method: methodOf(ch), PaidAt: i.At, Terms: ch.Terms(),
	}, by)
	if err != nil {
		return err
	}
	// Another door may have brought the receipt since: look at what is booked.
	if r, err = w.receiptOf(ctx, ch, i); err != nil || r.StoodOnly == reference {
		return err
	}
	_, err = w.creditable(ctx, imp, i, reference, r)
	return err
}

// attemptFor is the attempt that money of a channel's statement is for: the last through the channel that brought none, or the last through
// it, 0 without one.
func attemptFor(s transaction.State, through channel.ID) int {
	last := 0
	for n := len(s.Attempts); n > 0; n-- {
		switch a := s.Attempts[n-1]; {
		case a.Channel != through && (a.Channel != 0 || s.Channel != through): // events of version 1 name none, and mean the transaction's
		case !s.Paid(n):
			return n
		default:
			last = max(last, n)
		}
	}
	return last
}

func methodOf(ch channel.State) transaction.Method {
	if ch.Provider == channel.Mpesa {
		return transaction.MethodMpesaC2B
	}
	return transaction.MethodCard
}

// completeRefund notes that a refund of ours went through.
func (w *WriteSide) completeRefund(ctx context.Context, imp journal.State, i journal.Item, by By) (journal.Resolution, error) {
	ref := transaction.Reference(i.Payment)
	t, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return journal.Resolution{}, err
	}
	for _, r := range t.State.Refunds {
		if r.Name != i.Reference || r.Status == transaction.RefundDone {
			continue
		}
		raw, digest := w.wordsOf(imp, i)
		amount := money.Of(-i.Stated.Minor, i.Stated.Currency)
		_, err := Handle(ctx, w, ref.Stream(), transaction.WeighRefund{
			Refund: r.Refund, Door: transaction.DoorStatement, Raw: raw, Digest: digest, Done: true, Receipt: i.Receipt, Amount: &amount,
			RefundedAt: i.At, At: w.log.Now(),
		}, by)
		return journal.Resolution{Action: journal.Recorded, Reference: i.Payment}, err
	}
	return journal.Resolution{}, nil
}

// recordTakenBack records that the provider took a payment back.
func (w *WriteSide) recordTakenBack(ctx context.Context, imp journal.State, i journal.Item, by By) (journal.Resolution, error) {
	ref := transaction.Reference(i.Reference)
	raw, digest := w.wordsOf(imp, i)
	out, err := Handle(ctx, w, ref.Stream(), transaction.RecordReversal{
		Door: transaction.DoorStatement, Receipt: i.Receipt, Original: i.Linked, Amount: money.Of(-i.Stated.Minor, i.Stated.Currency),
		ReversedAt: i.At, Raw: raw, Digest: digest, At: w.log.Now(),
	}, by)
	if err != nil || !out.Wrote() {
		return journal.Resolution{}, err
	}
	return journal.Resolution{Action: journal.Recorded, Reference: i.Reference}, nil
}

// reportCharge books what the provider says that it took for a payment.
func (w *WriteSide) reportCharge(ctx context.Context, imp journal.State, i journal.Item, by By) (journal.Resolution, error) {
	ref := transaction.Reference(i.Reference)
	t, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return journal.Resolution{}, err
	}
	for _, p := range t.State.Payments {
		if p.Receipt != i.Receipt && p.Receipt != i.Linked {
			continue
		}
		_, digest := w.wordsOf(imp, i)
		charge := money.Of(-i.Stated.Minor, i.Stated.Currency)
		out, err := Handle(ctx, w, ref.Stream(), transaction.Weigh{Evidence: transaction.Evidence{
			Door: transaction.DoorStatement, Kind: transaction.ReceiptGiven, Attempt: p.Attempt, Digest: digest, Receipt: p.Receipt, Amount: p.Amount,
			Method: p.Method, PaidAt: p.PaidAt, Fee: &charge,
		}, At: w.log.Now()}, by)
		if err != nil || !out.Wrote() {
			return journal.Resolution{}, err
		}
		return journal.Resolution{Action: journal.Recorded, Reference: i.Reference}, nil
	}
	return journal.Resolution{}, nil
}
