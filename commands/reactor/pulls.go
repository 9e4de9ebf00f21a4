package reactor

import (
	"context"
	"time"
)

// pullPayments asks M-Pesa for the payments of the channels that are to be pulled, at once and then every so often, and compares
// what is missing here with the books: confirmations get lost, and so do the answers to questions. Where statements can't be
// compared it does nothing.
func (r *Reactor) pullPayments(ctx context.Context) error {
	if r.PullEvery == 0 || r.Write.Books == nil {
		return nil
	}
	puller := r.Write.NewPuller()
	tick := time.NewTicker(r.PullEvery)
	defer tick.Stop()
	for {
		if err := puller.Pull(ctx, by("pulls", "")); err != nil && ctx.Err() == nil {
			r.Logger.Warn().Err(err).Msg("M-Pesa was not asked for all payments; it is tried again")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
