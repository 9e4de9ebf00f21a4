package reactor

import (
	"context"
	"sync"
	"time"

	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// dueSoon is how long before its deadline a dispute is urgent.
const dueSoon = 48 * time.Hour

// onDispute asks after disputes until they have ended, and finishes what a crash cut short of one that has. They stay open
// for weeks, so that they have a reading of the log of their own: another's would start that far back.
func (r *Reactor) onDispute(ctx context.Context, rec eventstore.Record) error {
	switch rec.Type {
	case "DisputeOpened", "DisputeMoved", "DisputeAnswerRequested", "DisputeResolved":
	default:
		return nil
	}
	env, err := r.Log.Decode(ctx, rec)
	if err != nil {
		return err
	}
	channel, id, ok := dispute.FromStream(rec.Stream)
	if !ok {
		return nil
	}
	_, opened := env.Event.(dispute.Opened)
	cause := by(r.disputes.name, rec.ID.String())
	cause.Correlation, cause.Merchant = env.Meta.CorrelationID, env.Meta.Merchant
	return r.queue.add(ctx, &task{
		source: r.disputes, position: rec.Position, since: rec.RecordedAt, due: rec.RecordedAt.Add(mendAfter), kind: kindDispute,
		run: func(ctx context.Context, _ *task) (time.Time, error) {
			s, err := r.Write.AskDispute(ctx, channel, id, cause)
			if err != nil {
				return time.Time{}, err
			}
			r.due.note(rec.Stream, s)
			if s.Status.Final() {
				return time.Time{}, r.Write.EraseLate(ctx, transaction.Reference(s.Reference), cause)
			}
			if !opened {
				return time.Time{}, nil // one task a dispute is enough
			}
			return r.Log.Now().Add(r.DisputePoll), nil
		},
	})
}

// findDisputes asks the card provider for disputes, at once and then every so often: webhooks get lost.
func (r *Reactor) findDisputes(ctx context.Context) error {
	tick := time.NewTicker(r.DisputePoll)
	defer tick.Stop()
	for {
		if err := r.Write.FindDisputes(ctx, by(r.disputes.name, "")); err != nil && ctx.Err() == nil {
			r.Logger.Warn().Err(err).Msg("the card provider was not asked for all disputes; it is tried again")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deadlines are the disputes that haven't ended, by stream.
type deadlines struct {
	mu   sync.Mutex
	open map[string]dispute.State
}

func (d *deadlines) note(stream string, s dispute.State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.Status.Final() {
		delete(d.open, stream)
		return
	}
	if d.open == nil {
		d.open = map[string]dispute.State{}
	}
	d.open[stream] = s
}

// Disputes are how many haven't ended, how many of these the merchant has to answer within two days, and how many of them
// are over their deadline.
func (r *Reactor) Disputes() (open, due, overdue int) {
	now := r.Log.Now()
	r.due.mu.Lock()
	defer r.due.mu.Unlock()
	for _, s := range r.due.open {
		open++
		switch {
		case s.Status != dispute.NeedsResponse || s.DueAt.IsZero():
		case now.After(s.DueAt):
			overdue++
		case now.Add(dueSoon).After(s.DueAt):
			due++
		}
	}
	return open, due, overdue
}
