package commands

import (
	"context"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ids"
	"github.com/benfex/kipay/domain/phone"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
)

// clockSkew is how much earlier than our push a payment that fits it may be dated: two clocks, and whole seconds.
const clockSkew = 2 * time.Minute

// receiveC2B records a C2B confirmation word for word in the stream of its receipt, then settles whose it is.
func (w *WriteSide) receiveC2B(ctx context.Context, ch channel.State, n mpesa.C2BConfirmation, body string, door transaction.Door, by By) error {
	scope := ch.ReceiptScope()
	stream := receipt.Stream(scope, n.TransID)
	before, err := fold[receipt.State](ctx, w.log, stream)
	if err != nil {
		return err
	}
	conf := receipt.Confirmation{
		Provider: string(channel.Mpesa), Scope: scope, Number: n.TransID, Merchant: ch.Merchant, Mode: ch.Mode(), Channel: ch.ID,
		Door: string(door), Trusted: door == transaction.DoorC2B || ch.Environment == channel.Sandbox,
		Amount: n.Amount, PaidAt: w.log.Now(), Account: domain.Personal(n.BillRef), FirstName: domain.Personal(n.FirstName),
		LastName: domain.Personal(n.LastName), Phone: domain.Personal(n.MSISDN), Raw: domain.Personal(body), At: w.log.Now(),
		Digest: w.derive.hash("confirmation", itoa(ch.ID), string(door), body),
	}
	if n.PaidAt != nil {
		conf.PaidAt = n.PaidAt.UTC()
	}
	if like := before.State.Like(conf.Trusted); like != nil {
		conf.Transaction, conf.Subject = like.Transaction, like.Subject
	} else {
		if conf.ID, err = w.draw(ctx, ids.Transaction); err != nil {
			return err
		}
		purpose := "c2b"
		if !conf.Trusted {
			purpose = "c2b unconfirmed"
		}
		conf.Transaction = string(w.derive.reference(transaction.MpesaPrefix, purpose, scope, n.TransID))
		conf.Subject = "payment-" + conf.Transaction
		if conf.Trusted && before.State.Owner == "" {
			if err := w.findAwaiting(ctx, &conf); err != nil {
				return err
			}
		}
	}
	if _, err := Handle(ctx, w, stream, receipt.Confirm{Confirmation: conf}, by); err != nil {
		return err
	}
	_, err = w.SettleReceipt(ctx, scope, n.TransID, by)
	return err
}

// findAwaiting looks for the push that most likely asked for just this money: same channel, account and amount, not answered
// with a receipt yet.
func (w *WriteSide) findAwaiting(ctx context.Context, conf *receipt.Confirmation) error {
	expected, err := fold[receipt.AccountState](ctx, w.log, w.accountStream(conf.Channel, string(conf.Account)))
	if err != nil {
		return err
	}
	best := 0
	for i := len(expected.State.Expected) - 1; i >= 0; i-- {
		e := expected.State.Expected[i]
		if e.Amount != conf.Amount || conf.PaidAt.Before(e.At.Add(-clockSkew)) || conf.PaidAt.After(e.At.Add(w.PushWindow)) {
			continue
		}
		t, err := fold[transaction.State](ctx, w.log, transaction.Reference(e.Transaction).Stream())
		if err != nil {
			return err
		}
		if fits := likeness(t.State, e.Attempt, string(conf.Phone)); fits > best {
			best = fits
			conf.Awaits, conf.Attempt, conf.Until = e.Transaction, e.Attempt, conf.At.Add(w.C2BWait)
		}
	}
	return nil
}

// likeness ranks pushes for the same money under the same account: 0 for one that it can't be; most for one of the payer's phone, and
// among equals for one of which the query has said that it was paid, and whose receipt is awaited.
func likeness(s transaction.State, attempt int, payer string) int {
	a, ok := s.Attempt(attempt)
	if !ok || !openFor(s, attempt) {
		return 0
	}
	fits := 1
	if s.Paid(attempt) {
		fits++
	}
	if phone.Shows(payer, a.Phone) {
		fits += 2
	}
	return fits
}

// openFor tells whether the attempt may still turn out to be this payment: it has brought no receipt.
func openFor(s transaction.State, attempt int) bool {
	a, ok := s.Attempt(attempt)
	if !ok || s.HasReceiptFor(attempt) {
		return false
	}
	return a.Failure == nil || a.Failure.Kind <= transaction.FailedByQuery
}

// SettleReceipt decides whose a confirmed C2B receipt is: a push's that waits for it, that of the transaction that claimed
// it, or a payment of its own. It may be run at any time, again and again. due is when to run it again, zero when it is
// settled.
func (w *WriteSide) SettleReceipt(ctx context.Context, scope, number string, by By) (due time.Time, err error) {
	stream := receipt.Stream(scope, number)
	r, err := fold[receipt.State](ctx, w.log, stream)
	if err != nil {
		return time.Time{}, err
	}
	conf := r.State.Confirmation()
	if conf == nil {
		return time.Time{}, nil
	}
	by.Merchant = conf.Merchant
	asking := false
	if conf.Awaits != "" && (r.State.Owner == "" || r.State.Owner == conf.Transaction) {
		waiting, err := fold[transaction.State](ctx, w.log, transaction.Reference(conf.Awaits).Stream())
		if err != nil {
			return time.Time{}, err
		}
		switch t := waiting.State; {
		case t.Paid(conf.Attempt) && openFor(t, conf.Attempt):
			// The query said paid, the notice with the receipt never came: this is it, also when it stands alone already.
			return time.Time{}, w.credit(ctx, t, scope, evidenceOf(*conf), by)
		case r.State.Owner == "" && openFor(t, conf.Attempt) && w.log.Now().Before(conf.Until):
			return conf.Until, nil
		default:
			asking = w.stillAsked(t, conf.Attempt)
		}
	}
	if r.State.Owner == "" && conf.Trusted {
		if r, err = Handle(ctx, w, stream, receipt.Claim{
			Provider: conf.Provider, Number: number, Transaction: conf.Transaction, Door: conf.Door, At: w.log.Now(),
		}, by); err != nil {
			return time.Time{}, err
		}
	}
	if owner := r.State.Owner; owner != "" && owner != conf.Transaction {
		// A push has it; the confirmation stands in the receipt's stream.
		if left, err := w.mergeAlone(ctx, scope, r.State, transaction.Reference(owner), by); err != nil || left != "" {
			return time.Time{}, err
		}
		return time.Time{}, w.weighConfirmation(ctx, r.State, by)
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(conf.Channel))
	if err != nil {
		return time.Time{}, err
	}
	ref := transaction.Reference(conf.Transaction)
	opened, err := Handle(ctx, w, ref.Stream(), transaction.ReceiveC2B{
		Open: transaction.Initialized{
			ID: conf.ID, Reference: ref, Merchant: conf.Merchant, Mode: conf.Mode, Channel: conf.Channel, Provider: conf.Provider,
			Origin: transaction.FromC2B, Amount: conf.Amount, Subject: conf.Subject, FirstName: conf.FirstName, LastName: conf.LastName,
			Phone: conf.Phone, MerchantReference: conf.Account, At: conf.At,
		},
		Door: transaction.Door(conf.Door), Digest: conf.Digest, Raw: string(conf.Raw), Receipt: number, PaidAt: conf.PaidAt,
		Trusted: conf.Trusted && !r.State.WentBack(), Terms: ch.State.Terms(), Received: w.log.Now(),
	}, by)
	if err != nil {
		return time.Time{}, err
	}
	if conf.Trusted && r.State.WentBack() {
		return time.Time{}, w.noteConflict(ctx, opened.State, evidenceOf(*conf), transaction.ConflictReceiptTaken, wentBack(conf.Amount), by)
	}
	// Look again: a push may have taken the receipt while this payment was being opened, and has found nothing to merge
	// then. And an unconfirmed notice that anybody could have posted is a part of whatever owns the receipt now.
	if r, err = fold[receipt.State](ctx, w.log, stream); err != nil || r.State.Owner == "" {
		return time.Time{}, err
	}
	if _, err = w.mergeAlone(ctx, scope, r.State, transaction.Reference(r.State.Owner), by); err == nil && asking && r.State.Owner == conf.Transaction {
		due = w.log.Now().Add(settleAgain) // the query may yet tell that this was the push's money
	}
	return due, err
}

// settleAgain is how often a confirmation that stands alone is compared with the push that it had waited for.
const settleAgain = 3 * time.Second

// stillAsked tells whether M-Pesa is still asked after the attempt, and may call it paid without naming a receipt.
func (w *WriteSide) stillAsked(s transaction.State, attempt int) bool {
	a, ok := s.Attempt(attempt)
	return ok && s.Unsettled(attempt) && w.log.Now().Before(a.RequestedAt.Add(w.PushWindow+lostAfter))
}

// evidenceOf is a C2B confirmation as evidence for the push that it awaits.
func evidenceOf(c receipt.Confirmation) transaction.Evidence {
	return transaction.Evidence{
		Door: transaction.Door(c.Door), Kind: transaction.ReceiptGiven, Attempt: c.Attempt, Digest: c.Digest, Receipt: c.Number,
		Amount: c.Amount, Method: transaction.MethodMpesaSTK, PaidAt: c.PaidAt,
	}
}
