package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/benfex/kipay/domain"
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
	if err != nil || len(late) == 0 {
		return err
	}
	return w.eraseKeysLate(ctx, out.State, late, by)
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
	ch, err := w.channels.get(ctx, w.log, channel.Stream(t.ChannelOf(p)))
	if err != nil || !ch.State.Exists() {
		return "", err
	}
	return ch.State.ReceiptScope(), nil
}

// eraseKeysLate destroys the keys as a part of the erasure that the payment went with, so that every node hears of it. Where that
// customer has come back, what is known is sealed under the same key: it goes with the next erasure, and keys of payments at once.
func (w *WriteSide) eraseKeysLate(ctx context.Context, t transaction.State, keys []string, by By) error {
	by.Merchant = t.Merchant
	var payments []string
	stream := ""
	for _, key := range keys {
		if ref, ok := strings.CutPrefix(key, customer.PaymentKey("")); ok {
			payments = append(payments, ref)
		} else {
			stream = key
		}
	}
	if stream == "" {
		var err error
		if stream, err = w.erasureOf(ctx, t); err != nil {
			return err
		}
	}
	if hash, ok := strings.CutPrefix(stream, customer.Stream("")); ok {
		out, err := Handle[customer.State](ctx, w, stream, customer.EraseAgain{Payments: payments, At: w.log.Now()}, by)
		if err != nil {
			return err
		}
		if out.Wrote() {
			_, err = w.finishErasure(ctx, hash, by)
			return err
		}
	}
	for _, ref := range payments {
		if err := w.Ring.Destroy(ctx, customer.PaymentKey(ref)); err != nil {
			return asUnavailable(err)
		}
		w.forgetKeys(customer.PaymentKey(ref))
	}
	return nil
}

// erasureOf is the stream of the customer with whom the payment's own key went, empty where none is found: by the index, or where this
// node has none in the log.
func (w *WriteSide) erasureOf(ctx context.Context, t transaction.State) (string, error) {
	stream, erased := "", customer.Erased{}.EventType()
	look := func(e eventstore.Envelope) {
		if e, ok := e.Event.(customer.Erased); ok && e.Merchant == t.Merchant && slices.Contains(e.Payments, string(t.Reference)) {
			stream = customer.Stream(e.Hash)
		}
	}
	if w.Payments == nil {
		err := w.eachRecord(ctx, ofType(erased), look)
		return stream, err
	}
	streams, err := w.Payments.StreamsWith(ctx, t.Merchant, erased)
	if err != nil {
		return "", domain.Unavailable("Erased customers can't be looked up right now; try again", err)
	}
	for _, name := range streams {
		if err := w.log.EachInStream(ctx, name, 0, func(e eventstore.Envelope) error { look(e); return nil }); err != nil {
			return "", asUnavailable(err)
		}
	}
	return stream, nil
}
