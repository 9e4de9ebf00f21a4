package commands

import (
	"context"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// decide keeps the decision, then books what it says: of decisions at once the import's stream takes one, and only that one books.
// It may be repeated, which books what was cut off.
func (w *WriteSide) decide(ctx context.Context, merchantID int64, mode domain.Mode, d Decision, by By) (ItemView, error) {
	imp, item, err := w.itemOf(ctx, merchantID, mode, d.Item)
	if err != nil {
		return ItemView{}, err
	}
	kept := item.State == reconciliation.Resolved
	if kept && (item.Action != d.Action || item.ResolvedTo != d.Reference) {
		return ItemView{}, domain.Conflictf("This difference is resolved already: %s", item.Action)
	}
	ch, err := w.channelOfLine(ctx, imp.State, item, d.Action)
	if err != nil {
		return ItemView{}, err
	}
	if !kept {
		if err := w.canBook(ctx, imp, item, ch, d, by); err != nil {
			return ItemView{}, err
		}
	}
	key, err := w.keyOfReason(ctx, imp.State, item, d)
	if err != nil {
		return ItemView{}, err
	}
	id, n := imp.State.ID, item.N
	out, err := handleFrom(ctx, w, journal.Stream(id), imp, journal.Resolve{Person: true, Resolved: journal.Resolved{
		ID: id, Subject: key, Reason: domain.Personal(d.Reason), At: w.log.Now(),
		Resolutions: []journal.Resolution{{N: n, Action: d.Action, Reference: d.Reference}},
	}}, by)
	if err != nil {
		return ItemView{}, err
	}
	item, _ = out.State.Item(n)
	if err := w.bookOrTakeBack(ctx, out, item, ch, by); err != nil {
		return ItemView{}, err
	}
	return viewItem(out.State, item), nil
}

// channelOfLine is the channel that the money of a difference came through, zero for a decision that books nothing. Errors: Invalid
// where no money came.
func (w *WriteSide) channelOfLine(ctx context.Context, imp journal.State, i journal.Item, a journal.Action) (channel.State, error) {
	if a == journal.Accept {
		return channel.State{}, nil
	}
	if imp.Channel == 0 || i.Line == 0 || !i.Stated.IsPositive() {
		return channel.State{}, domain.Invalid("action", "can only be accept: no money of a provider's came with it")
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(imp.Channel))
	return ch.State, err
}

// receiptOf is the receipt of a line. Errors: Conflict when the line names none.
func (w *WriteSide) receiptOf(ctx context.Context, ch channel.State, i journal.Item) (receipt.State, error) {
	if !receipt.Valid(i.Receipt) {
		return receipt.State{}, domain.Conflictf("The line names no receipt: its money can't be counted once")
	}
	r, err := fold[receipt.State](ctx, w.log, receipt.Stream(ch.ReceiptScope(), i.Receipt))
	return r.State, err
}

// canBook tells by its error what stands against a decision, before it is kept.
func (w *WriteSide) canBook(ctx context.Context, imp Outcome[journal.State], i journal.Item, ch channel.State, d Decision, by By) error {
	if d.Action == journal.Accept {
		return nil
	}
	credit := d.Action == journal.Credit
	if !credit && !receipt.Valid(i.Receipt) {
		return notInSuspense()
	}
	r, err := w.receiptOf(ctx, ch, i)
	if err != nil {
		return err
	}
	owner, err := w.creditedMeanwhile(ctx, imp.State, i, r)
	switch {
	case err != nil:
		return err
	case owner != "" && (!credit || owner != d.Reference && !r.OwnedAlone()):
		if err := w.recordCredited(ctx, imp, i, owner, by); err != nil {
			return err
		}
		return domain.Conflictf("The receipt %s pays %s already, which resolves this difference", i.Receipt, owner)
	case credit:
		t, err := w.creditable(ctx, imp.State, i, d.Reference, r)
		if err == nil && owner == "" && t.HasReceipt(i.Receipt) {
			return domain.Conflictf("The receipt %s pays %s already: nothing of the line is left to credit", i.Receipt, d.Reference)
		}
		return err
	case r.Noted == nil:
		return notInSuspense()
	case !isNoted(r, imp.State, i):
		return notOfThisLine(r, imp.State)
	}
	_, err = releaseBy(d.Action, w.log.Now()).Decide(r)
	return err
}

func notInSuspense() error {
	return domain.Invalid("action", "must be credit or accept: the money does not stand in suspense")
}

// isNoted tells whether what came into suspense under a receipt is the money of this line.
func isNoted(r receipt.State, imp journal.State, i journal.Item) bool {
	return r.Noted != nil && r.Noted.Import == imp.ID && r.Noted.Line == i.Line && r.Noted.Amount == i.Stated
}

func notOfThisLine(r receipt.State, imp journal.State) error {
	if r.Noted.Merchant != imp.Merchant { // in the sandbox all share the receipts
		return domain.Conflictf("The receipt %s stands in suspense already", r.Noted.Number)
	}
	return domain.Conflictf("Under the receipt %s stands %s, of line %d of import %d: decide about that one", r.Noted.Number, r.Noted.Amount.Format(), r.Noted.Line, r.Noted.Import)
}

// releaseBy is how a decision takes money out of suspense.
func releaseBy(a journal.Action, at time.Time) receipt.ReleaseSuspense {
	how := receipt.ReleaseWrittenOff
	if a == journal.Return {
		how = receipt.ReleaseReturned
	}
	return receipt.ReleaseSuspense{How: how, At: at}
}

// creditedMeanwhile is the transaction that the money of a line counts for since the comparison, because the provider's own
// confirmation came; empty while there is none.
func (w *WriteSide) creditedMeanwhile(ctx context.Context, imp journal.State, i journal.Item, r receipt.State) (string, error) {
	switch {
	case r.Owner == "" || i.Booked.Minor != 0 || r.Noted != nil && !isNoted(r, imp, i):
		return "", nil
	case r.Noted == nil && i.Cause != reconciliation.UnknownPayer && i.Cause != reconciliation.MissingCallback && i.Cause != reconciliation.Duplicate:
		return "", nil
	}
	t, err := fold[transaction.State](ctx, w.log, transaction.Reference(r.Owner).Stream())
	if err != nil || t.State.Merchant != imp.Merchant || amountUnder(t.State, i.Receipt) != i.Stated {
		return "", err
	}
	return r.Owner, nil
}

// amountUnder is what came for a transaction under a receipt, zero when nothing did.
func amountUnder(s transaction.State, number string) money.Money {
	for _, p := range s.Payments {
		if p.Receipt == number {
			return p.Amount
		}
	}
	return money.Money{}
}

// recordCredited resolves a difference by the transaction that its money counts for.
func (w *WriteSide) recordCredited(ctx context.Context, imp Outcome[journal.State], i journal.Item, reference string, by By) error {
	by.Actor = byReconciliation
	_, err := handleFrom(ctx, w, journal.Stream(imp.State.ID), imp, journal.Resolve{Resolved: journal.Resolved{
		ID: imp.State.ID, Subject: imp.State.Subject, At: w.log.Now(),
		Resolutions: []journal.Resolution{{N: i.N, Action: journal.Recorded, Reference: reference}},
	}}, by)
	return err
}

// bookOrTakeBack books a decision that is kept. What turns out to be impossible takes the decision back; what failed otherwise is booked
// when it is carried out again.
func (w *WriteSide) bookOrTakeBack(ctx context.Context, imp Outcome[journal.State], i journal.Item, ch channel.State, by By) error {
	err := w.book(ctx, imp.State, i, ch, by)
	switch domain.CodeOf(err) {
	case domain.CodeConflict, domain.CodeInvalid, domain.CodeNotFound:
		back := journal.TakeBack{N: i.N, Decisions: i.Decisions, Why: "It could not be booked: " + err.Error(), At: w.log.Now()}
		if _, failed := handleFrom(ctx, w, journal.Stream(imp.State.ID), imp, back, by); failed != nil {
			return failed
		}
	default: // it was booked, or will be
	}
	return err
}

// book enters what a decision that is kept means for the books.
func (w *WriteSide) book(ctx context.Context, imp journal.State, i journal.Item, ch channel.State, by By) error {
	switch i.Action {
	case journal.Credit:
		return w.creditLine(ctx, imp, ch, i, i.ResolvedTo, by)
	case journal.WriteOff, journal.Return:
		_, err := Handle[receipt.State](ctx, w, receipt.Stream(ch.ReceiptScope(), i.Receipt), releaseBy(i.Action, w.log.Now()), by)
		return err
	default: // it books nothing
		return nil
	}
}

// CarryOutDecision books the decision about an import's nth difference, if it was cut off before.
func (w *WriteSide) CarryOutDecision(ctx context.Context, id int64, n int, by By) error {
	imp, err := w.importOf(ctx, id)
	if err != nil {
		return err
	}
	i, ok := imp.State.Item(n)
	if !ok || !i.Action.Books() {
		return nil
	}
	ch, err := w.channelOfLine(ctx, imp.State, i, i.Action)
	if err != nil {
		return err
	}
	err = w.bookOrTakeBack(ctx, imp, i, ch, by)
	if code := domain.CodeOf(err); code == domain.CodeConflict || code == domain.CodeInvalid || code == domain.CodeNotFound {
		w.Logger.Warn().Int64("import", id).Int("difference", n).Err(err).Msg("a decision could not be booked and was taken back")
		return nil
	}
	return err
}

// RecordCredited resolves the difference whose money waited in suspense until a confirmation of the provider's brought it, if no
// person has decided about it.
func (w *WriteSide) RecordCredited(ctx context.Context, stream string, by By) error {
	r, err := fold[receipt.State](ctx, w.log, stream)
	if err != nil || r.State.Noted == nil || r.State.Owner == "" {
		return err
	}
	imp, err := w.importOf(ctx, r.State.Noted.Import)
	if err != nil {
		return err
	}
	for n := 1; n <= imp.State.Len(); n++ {
		i, _ := imp.State.Item(n)
		if i.Action != journal.Suspended || i.Receipt != r.State.Noted.Number || !isNoted(r.State, imp.State, i) {
			continue
		}
		owner, err := w.creditedMeanwhile(ctx, imp.State, i, r.State)
		if err != nil || owner == "" {
			return err
		}
		return w.recordCredited(ctx, imp, i, owner, by)
	}
	return nil
}
