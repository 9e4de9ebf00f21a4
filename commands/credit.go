package commands

import (
	"context"
	"fmt"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
)

// credit lets money that came under a receipt count for the transaction that had asked for it: the receipt is claimed
// first, so that whatever other door brings it, it is one payment. Each step may be repeated; a crash between them is
// mended by running it again.
func (w *WriteSide) credit(ctx context.Context, s transaction.State, scope string, ev transaction.Evidence, by By) error {
	if !receipt.Valid(ev.Receipt) {
		return w.noteConflict(ctx, s, ev, transaction.ConflictMismatch, "the notice names no possible receipt", by)
	}
	if a, ok := s.Attempt(ev.Attempt); ok && ev.CheckoutRequestID != "" && a.CheckoutRequestID != "" && ev.CheckoutRequestID != a.CheckoutRequestID {
		// It must not even claim the receipt.
		return w.noteConflict(ctx, s, ev, transaction.ConflictMismatch, "the notice names another CheckoutRequestID than the answer to our push", by)
	}
	stream := receipt.Stream(scope, ev.Receipt)
	claim := receipt.Claim{
		Provider: s.Provider, Number: ev.Receipt, Transaction: string(s.Reference), Attempt: ev.Attempt, Door: string(ev.Door), At: w.log.Now(),
	}
	claimed, err := Handle[receipt.State](ctx, w, stream, claim, by)
	if err != nil {
		return err
	}
	if claimed.State.OwnedAlone() && claimed.State.Owner != claim.Transaction {
		alone, err := fold[transaction.State](ctx, w.log, transaction.Reference(claimed.State.Owner).Stream())
		if err != nil {
			return err
		}
		if alone.State.GivesBack() && !s.AwaitsReceipt(ev.Attempt) {
			return w.noteConflict(ctx, s, ev, transaction.ConflictReceiptTaken, givenBack(claimed.State.Owner), by)
		}
		claim.Asked = true
		if claimed, err = Handle[receipt.State](ctx, w, stream, claim, by); err != nil {
			return err
		}
	}
	if claimed.State.WentBack() {
		return w.noteConflict(ctx, s, ev, transaction.ConflictReceiptTaken, wentBack(ev.Amount), by)
	}
	if owner := claimed.State.Owner; owner != string(s.Reference) {
		return w.noteConflict(ctx, s, ev, transaction.ConflictReceiptTaken, "the receipt pays "+owner+" already", by)
	}
	if left, err := w.mergeAlone(ctx, scope, claimed.State, s.Reference, by); err != nil {
		return err
	} else if left != "" {
		return w.noteConflict(ctx, s, ev, transaction.ConflictReceiptTaken, givenBack(left), by)
	}
	if ev.Terms.Channel == 0 { // else it is known where the money is, whatever the payer was asked
		if ev.Terms, err = w.termsOf(ctx, s, ev.Attempt); err != nil {
			return err
		}
	}
	if _, err = Handle(ctx, w, s.Reference.Stream(), transaction.Weigh{Evidence: ev, At: w.log.Now()}, by); err != nil {
		return err
	}
	return w.weighConfirmation(ctx, claimed.State, by)
}

// wentBack is the conflict of money that came and was given back before its payment was known.
func wentBack(amount money.Money) string {
	return amount.Format() + " came under the receipt, and a person noted them as returned: they don't count"
}

// givenBack is the conflict of money that came, was counted as a payment of its own, and goes back from there.
func givenBack(owner string) string {
	return "the receipt pays " + owner + " already, which gives the money back"
}

// termsOf are the terms of the channel that an attempt's money comes through.
func (w *WriteSide) termsOf(ctx context.Context, s transaction.State, attempt int) (fee.Terms, error) {
	id := s.Channel
	if a, ok := s.Attempt(attempt); ok && a.Channel != 0 {
		id = a.Channel
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(id))
	return ch.State.Terms(), err
}

// weighConfirmation lets a trusted C2B confirmation speak of a receipt that belongs to another transaction than its own: it
// finishes what a crash left between the claim and the count, and another amount than the other door named is seen.
func (w *WriteSide) weighConfirmation(ctx context.Context, r receipt.State, by By) error {
	if r.Trusted == nil || r.Owner == "" || r.OwnedAlone() {
		return nil
	}
	stream := transaction.Reference(r.Owner).Stream()
	owner, err := fold[transaction.State](ctx, w.log, stream)
	if err != nil || !owner.State.Exists() {
		return err
	}
	by.Merchant = owner.State.Merchant
	ev := evidenceOf(*r.Trusted)
	ev.Attempt = r.Attempt
	if ev.Terms, err = w.termsOf(ctx, owner.State, ev.Attempt); err != nil {
		return err
	}
	if ev.Attempt == 0 && r.Trusted.Merchant == owner.State.Merchant { // nobody asked for it there: it is where the confirmation came
		ch, err := w.channels.get(ctx, w.log, channel.Stream(r.Trusted.Channel))
		if err != nil {
			return err
		}
		ev.Terms = ch.State.Terms()
	}
	_, err = Handle(ctx, w, stream, transaction.Weigh{Evidence: ev, At: w.log.Now()}, by)
	return err
}

// mergeAlone makes the transactions that were opened for confirmations of the receipt a part of its owner; where none was
// opened there is nothing to do. One that gives money back is left as it is, gets the receipt back and is answered, unless its owner
// has counted the money already.
func (w *WriteSide) mergeAlone(ctx context.Context, scope string, r receipt.State, into transaction.Reference, by By) (left string, err error) {
	for _, ref := range r.Alone() {
		alone := transaction.Reference(ref)
		found, err := fold[transaction.State](ctx, w.log, alone.Stream())
		if err != nil {
			return "", err
		}
		if !found.State.Exists() || alone == into {
			continue
		}
		by.Merchant = found.State.Merchant // not always the owner's: in the sandbox all share the numbers
		merge := transaction.Merge{Into: into, Receipt: r.Confirmation().Number, At: w.log.Now()}
		out, err := Handle(ctx, w, alone.Stream(), merge, by)
		if domain.CodeOf(err) == domain.CodeConflict && out.State.GivesBack() {
			if merge.Counted, err = w.hasCounted(ctx, into, merge.Receipt, r.Attempt); err != nil {
				return "", err
			}
			if !merge.Counted {
				_, err = Handle(ctx, w, receipt.Stream(scope, merge.Receipt), receipt.LeaveAlone{At: w.log.Now()}, by)
				return ref, err
			}
			_, err = Handle(ctx, w, alone.Stream(), merge, by)
		}
		if err != nil {
			return "", fmt.Errorf("merge %s into %s: %w", alone, into, err)
		}
	}
	return "", nil
}

// hasCounted tells whether a transaction has counted the money of a receipt, under its number or as what an attempt is known to have brought.
func (w *WriteSide) hasCounted(ctx context.Context, ref transaction.Reference, number string, attempt int) (bool, error) {
	known, err := fold[transaction.State](ctx, w.log, ref.Stream())
	return known.State.HasReceipt(number) || known.State.AwaitsReceipt(attempt), err
}

func (w *WriteSide) noteConflict(ctx context.Context, s transaction.State, ev transaction.Evidence, kind transaction.ConflictKind, detail string, by By) error {
	w.Logger.Warn().Str("reference", string(s.Reference)).Str("kind", string(kind)).Str("door", string(ev.Door)).Msg("evidence contradicts")
	_, err := Handle(ctx, w, s.Reference.Stream(), transaction.NoteConflict{
		Attempt: ev.Attempt, Kind: kind, Receipt: ev.Receipt, Detail: detail, Digest: ev.Digest, At: w.log.Now(),
	}, by)
	return err
}
