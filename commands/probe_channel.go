package commands

import (
	"context"

	"github.com/benfex/kipay/domain/channel"
)

// ProbeChannel tries the channel's credentials at its provider; nothing is moved. The error tells what the provider said.
func (w *WriteSide) ProbeChannel(ctx context.Context, ch channel.State) error {
	if ch.Provider == channel.Paystack {
		return w.Paystack.Probe(ctx, paystackKey(ch), paystackCredentials(ch))
	}
	return w.Mpesa.Probe(ctx, mpesaCredentials(ch))
}
