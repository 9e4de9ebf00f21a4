package commands

import (
	"context"

	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// notices are the recorded notices of a transaction, oldest first. What was erased is left out.
func (w *WriteSide) notices(ctx context.Context, ref transaction.Reference) ([]transaction.CallbackReceived, error) {
	var out []transaction.CallbackReceived
	err := w.log.EachInStream(ctx, ref.Stream(), 0, func(e eventstore.Envelope) error {
		if n, ok := e.Event.(transaction.CallbackReceived); ok && !e.Erased {
			out = append(out, n)
		}
		return nil
	})
	return out, asUnavailable(err)
}

func (w *WriteSide) resumeCard(ctx context.Context, ref transaction.Reference, n transaction.CallbackReceived, by By) error {
	out, err := fold[transaction.State](ctx, w.log, ref.Stream())
	if err != nil {
		return err
	}
	a, _ := out.State.Attempt(n.Attempt)
	ch, err := w.channels.get(ctx, w.log, channel.Stream(a.Channel))
	if err != nil {
		return err
	}
	t, err := paystack.DecodeNotice([]byte(n.Raw))
	if err != nil {
		return nil //nolint:nilerr // it was understood when it was recorded; a notice that is not says nothing
	}
	by.Merchant = out.State.Merchant
	return w.ReceiveCardNotice(ctx, ch.State, ref, n.Attempt, t, string(n.Raw), n.Door, by)
}
