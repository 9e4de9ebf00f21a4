package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// EraseLate erases what a provider said of a payment after its payer was erased: in the payment's own stream, in those of its disputes, and
// in confirmations under its receipts. The money counts already. What is under way keeps it: whoever ends that erases it.
func (w *WriteSide) EraseLate(ctx context.Context, ref transaction.Reference, by By) error {
	first, err := w.firstOf(ctx, ref.Stream())
	if err != nil || !first.Erased {
		return err
	}
	out, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	disputed, err := w.disputed(ctx, out.State)
	if err != nil || disputed || out.State.UnderWay() {
		return err
	}
	late, err := w.lateKeys(ctx, out.State)
	if err != nil {
		return err
	}
	for _, key := range late {
		if err := w.eraseLateKey(ctx, key, by); err != nil {
			return err
		}
	}
	return nil
}

// EraseLateConfirmation is EraseLate of the payment that has the receipt.
func (w *WriteSide) EraseLateConfirmation(ctx context.Context, scope, number string, by By) error {
	r, err := fold[receipt.State](ctx, w.log, receipt.Stream(scope, number))
	if err != nil || r.State.Owner == "" {
		return err
	}
	return w.EraseLate(ctx, transaction.Reference(r.State.Owner), by)
}

// lateKeys are the names of the keys that seal something that is said of the payment and can be opened.
func (w *WriteSide) lateKeys(ctx context.Context, t transaction.State) ([]string, error) {
	streams := []string{t.Reference.Stream()}
	for _, d := range t.Disputes {
		streams = append(streams, dispute.Stream(d.Channel, d.Dispute))
	}
	var late []string
	add := func(e eventstore.Envelope) {
		if key := e.Meta.Subject; e.Meta.Key != "" && !e.Erased && !slices.Contains(late, key) {
			late = append(late, key)
		}
	}
	for _, stream := range streams {
		err := w.log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
			if e.Meta.Subject == t.Subject {
				add(e)
			}
			return nil
		})
		if err != nil {
			return nil, asUnavailable(err)
		}
	}
	for _, p := range t.Payments {
		scope, err := w.scopeOf(ctx, t, p)
		if err != nil || scope == "" {
			return late, err
		}
		err = w.log.EachInStream(ctx, receipt.Stream(scope, p.Receipt), 0, func(e eventstore.Envelope) error {
			if c, ok := e.Event.(receipt.Confirmation); ok && c.Merchant == t.Merchant && c.Subject == customer.PaymentKey(c.Transaction) {
				add(e)
			}
			return nil
		})
		if err != nil {
			return nil, asUnavailable(err)
		}
	}
	return late, nil
}

// scopeOf is whose word a payment's receipt is, empty where its channel is not known.
func (w *WriteSide) scopeOf(ctx context.Context, t transaction.State, p transaction.Payment) (string, error) {
	id := p.Channel
	if a, ok := t.Attempt(p.Attempt); id == 0 && ok {
		id = a.Channel
	}
	if id == 0 {
		id = t.Channel
	}
	ch, err := w.channels.get(ctx, w.log, channel.Stream(id))
	if err != nil || !ch.State.Exists() {
		return "", err
	}
	return ch.State.ReceiptScope(), nil
}

func (w *WriteSide) eraseLateKey(ctx context.Context, key string, by By) error {
	if hash, ok := strings.CutPrefix(key, customer.Stream("")); ok {
		// A customer who has come back is known under the same key as the notice: both go with the next erasure.
		out, err := Handle[customer.State](ctx, w, key, customer.EraseAgain{At: w.log.Now()}, by)
		if err != nil || out.State.Started == nil {
			return err
		}
		_, err = w.finishErasure(ctx, hash, by)
		return err
	}
	if err := w.Ring.Destroy(ctx, key); err != nil {
		return asUnavailable(err)
	}
	w.forgetKeys(key)
	return nil
}
