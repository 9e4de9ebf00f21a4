package commands

import (
	"context"

	"github.com/benfex/kipay/domain/channel"
)

// TurnChannel lets a payment channel take new payments, or no more, for the operator. On every node it counts within a second.
// Errors: NotFound.
func (w *WriteSide) TurnChannel(ctx context.Context, id channel.ID, active bool) (channel.State, error) {
	stream := channel.Stream(id)
	known, err := fold[channel.State](ctx, w.log, stream)
	if err != nil {
		return channel.State{}, err
	}
	out, err := Handle[channel.State](ctx, w, stream, channel.SetActive{Active: active, At: w.log.Now()},
		By{Actor: byOperator, Merchant: known.State.Merchant})
	w.channels.drop(stream, out.Revision)
	return out.State, err
}
