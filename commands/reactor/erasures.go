package reactor

import (
	"context"
	"time"
)

// eraseEvery is how often it is looked whether a scheduled erasure is due. They are years ahead, so they are no tasks: a task
// that is not done holds the checkpoint back.
const eraseEvery = time.Hour

// carryOutErasures carries out what is due, now and every hour until ctx ends.
func (r *Reactor) carryOutErasures(ctx context.Context) error {
	tick := time.NewTicker(eraseEvery)
	defer tick.Stop()
	for {
		if err := r.Write.CarryOutDue(ctx, false, by("erasures", "")); err != nil && ctx.Err() == nil {
			r.Logger.Warn().Err(err).Msg("scheduled erasures could not all be carried out; they are tried again in an hour")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
