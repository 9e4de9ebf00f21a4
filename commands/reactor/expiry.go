package reactor

import (
	"context"
	"encoding/json"
	"time"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// onInitialized closes checkouts that nobody paid. It trails the log by their window, so that however many are open, they
// wait on disk and not in memory. It reads what it needs of the event without opening what is sealed.
func (r *Reactor) onInitialized(ctx context.Context, rec eventstore.Record) error {
	if rec.Type != (transaction.Initialized{}).EventType() {
		return nil
	}
	var e struct {
		Reference transaction.Reference `json:"reference"`
		Origin    transaction.Origin    `json:"origin"`
		ExpiresAt time.Time             `json:"expires_at"`
	}
	if err := json.Unmarshal(rec.Data, &e); err != nil {
		return err
	}
	if e.Origin != transaction.FromCheckout || e.ExpiresAt.IsZero() {
		return nil
	}
	if wait := e.ExpiresAt.Sub(r.Log.Now()); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	cause := by(r.expiry.name, rec.ID.String())
	return r.queue.add(ctx, &task{
		source: r.expiry, position: rec.Position, due: e.ExpiresAt, kind: kindExpiry,
		run: func(ctx context.Context, _ *task) (time.Time, error) {
			s, err := r.Write.Expire(ctx, e.Reference, cause)
			if err != nil || s.Status() != transaction.StatusPending || len(s.Payments) > 0 {
				return time.Time{}, err
			}
			if due := s.Due(); r.Log.Now().Before(due) {
				return due, nil // a push is still on the phone
			}
			return time.Time{}, nil
		},
	})
}
