package commands

import (
	"context"
	"time"

	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// aroundPayment is how far round a payment's time the books are read that are compared with it.
const aroundPayment = time.Hour

// weighStatus lets what M-Pesa said of a receipt count where it makes certain what the line alone did not: who paid. What it can't
// decide, or what fails, stays for a person, who sees the answer.
func (w *WriteSide) weighStatus(ctx context.Context, e receipt.StatusAnswered, by By) {
	if err := w.countStatus(ctx, e, by); err != nil {
		w.Logger.Warn().Int64("item", e.Item).Int64("channel", e.Channel).Err(err).Msg("what M-Pesa said of a receipt is kept, and could not be compared with the books")
	}
}

// countStatus compares the line with the books again, with the payer as M-Pesa names them. It may be repeated.
func (w *WriteSide) countStatus(ctx context.Context, e receipt.StatusAnswered, by By) error {
	id, n, ok := journal.ParseItem(e.Item)
	if !ok || e.Status != receipt.StatusCompleted || e.Phone == "" || w.Books == nil {
		return nil
	}
	imp, err := w.importOf(ctx, id)
	if err != nil {
		return err
	}
	i, ok := imp.State.Item(n)
	if !ok || i.State != reconciliation.Open || i.Action != "" && i.Action != journal.Suspended || !i.Stated.IsPositive() || i.Stated != e.Amount {
		return nil
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(e.Channel))
	if err != nil {
		return err
	}
	owned, err := fold[receipt.State](ctx, w.log, receipt.Stream(ch.State.ReceiptScope(), e.Number))
	if err != nil {
		return err
	}
	by.Actor = byReconciliation
	var r journal.Resolution
	switch s := owned.State; {
	case s.Owner == "":
		if i.Reference, err = w.payeeOf(ctx, imp.State, ch.State, i, string(e.Phone)); err == nil && i.Reference != "" {
			r, err = w.creditMissing(ctx, imp.State, ch.State, i, by)
		}
	case s.Door == string(transaction.DoorStatement): // credited by whoever does the same just now, or did before it stopped
		r = journal.Resolution{Action: journal.Recorded, Reference: s.Owner}
	}
	if err != nil || r.Action == "" {
		return err
	}
	r.N = n
	_, err = handleFrom(ctx, w, journal.Stream(id), imp, journal.Resolve{Resolved: journal.Resolved{
		ID: id, Subject: imp.State.Subject, Resolutions: []journal.Resolution{r}, At: w.log.Now(),
	}}, by)
	return err
}

// payeeOf is the payment that waits for the money of a line which this phone has paid, by the rules that lines are matched by; empty
// where they find none, or several.
func (w *WriteSide) payeeOf(ctx context.Context, imp journal.State, ch channel.State, i journal.Item, phone string) (string, error) {
	scope := reconciliation.Scope{
		Source: imp.Source, Channel: imp.Channel, Currency: i.Stated.Currency,
		Period: reconciliation.Period{From: i.At.Add(-aroundPayment), Until: i.At.Add(aroundPayment)},
	}
	m, err := reconciliation.New(scope)
	if err != nil {
		return "", err
	}
	load := w.newLoader(imp.Merchant, m, scope, ch)
	q := BooksQuery{
		Merchant: imp.Merchant, Mode: imp.Mode, Channel: imp.Channel, Currency: scope.Currency,
		From: scope.Period.From.Add(-activityMargin), Until: scope.Period.Until.Add(activityMargin),
	}
	if _, err := load.books(ctx, q, func(ImportProgress) {}); err != nil {
		return "", err
	}
	err = m.AddLine(reconciliation.Line{
		Number: 1, Kind: reconciliation.KindPayment, Receipt: i.Receipt, Account: lineOf(i).Account, Phone: phone, Amount: i.Stated, At: i.At,
	})
	if err != nil {
		return "", err
	}
	reference := ""
	_, err = m.Match(func(r reconciliation.Result) error {
		if r.Line == 1 && r.Cause == reconciliation.MissingCallback && r.Entry == reconciliation.EntryPayment {
			reference = r.Reference
		}
		return nil
	})
	return reference, err
}
