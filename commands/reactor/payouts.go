package reactor

import (
	"context"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/payout"
)

// reservedFor is when money that was reserved is looked after: its request has long been recorded, or never will be.
const reservedFor = time.Minute + mendAfter

// sendAgain is when a payout that its channel can't pay yet is tried again. Nothing was asked of the provider by then.
const sendAgain = 5 * time.Minute

// unless is when something is run again that isn't done.
func (r *Reactor) unless(done bool, pause time.Duration) time.Time {
	if done {
		return time.Time{}
	}
	return r.Log.Now().Add(pause)
}

// sendPayout has an approved payout sent.
func (r *Reactor) sendPayout(t *task, ref payout.Reference, at time.Time, cause commands.By) {
	t.kind, t.since, t.due = kindPayout, at, at
	t.run = func(ctx context.Context, _ *task) (time.Time, error) {
		done, err := r.Write.SendPayout(ctx, ref, cause)
		return r.unless(done, sendAgain), err
	}
}

// accountPayout has the channel's money follow what became of a payout.
func (r *Reactor) accountPayout(t *task, ref payout.Reference, at time.Time, cause commands.By) {
	t.kind, t.due = kindPayout, at
	t.run = func(ctx context.Context, _ *task) (time.Time, error) {
		return time.Time{}, r.Write.AccountPayout(ctx, ref, cause)
	}
}

// askPayout asks after a payout until something final is known, and what it cost. It never sends it.
func (r *Reactor) askPayout(ctx context.Context, t *task, e payout.Sent, cause commands.By) (time.Time, error) {
	done, err := r.Write.AskPayout(ctx, e.Reference, cause)
	now := r.Log.Now()
	if err != nil || done || now.Sub(e.At) > refundEnd {
		return time.Time{}, err
	}
	return now.Add(refundBackoff[min(t.tries-1, len(refundBackoff)-1)]), nil
}
