package commands

import (
	"context"

	"github.com/benfex/kipay/domain/transaction"
)

// CardToken and C2BToken are the tokens in the URLs of a channel, for the tests outside.
func (w *WriteSide) CardToken(channel string) string { return w.derive.token("card", channel) }

// C2BToken is the token of the channel's C2B URLs.
func (w *WriteSide) C2BToken(channel string) string { return w.derive.token("c2b", channel) }

// AwaitPush is how a twin waits.
func (w *WriteSide) AwaitPush(ctx context.Context, ref transaction.Reference) (Outcome[transaction.State], error) {
	return w.awaitPush(ctx, ref)
}
