package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// Expire ends the waiting: of the attempt whose window is over, and of the transaction when its own time is.
type Expire struct{ At time.Time }

// Decide ends what is due at At, and nothing before. Money that came is never closed away.
func (c Expire) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() || s.HasClosed || s.Status() != StatusPending || len(s.Payments) > 0 || s.Origin == FromC2B {
		return nil, nil
	}
	d := decision{before: s, after: s}
	a, waiting := s.Waiting()
	attemptOver := waiting && a.Method == MethodMpesaSTK && !c.At.Before(a.Window)
	due := s.Due()
	if attemptOver && s.Origin == FromCheckout {
		d.add(AttemptFailed{
			Reference: s.Reference, Attempt: a.N, Door: DoorClock, Code: FailureExpired, FailureCode: FailureExpired,
			Reason: "The request on the phone was not answered in time", Subject: s.Subject, At: c.At,
		})
	}
	if !due.IsZero() && !c.At.Before(due) {
		d.add(Expired{Reference: s.Reference, At: c.At})
	}
	d.conclude(c.At)
	return d.events, nil
}

// Due is when the transaction is to be closed: its own time, but not while a push may still be answered. Zero is never.
func (s State) Due() time.Time {
	due := s.ExpiresAt
	if a, waiting := s.Waiting(); waiting && a.Method == MethodMpesaSTK && a.Window.After(due) {
		due = a.Window
	}
	if s.Origin == FromC2B || (s.Origin == FromCheckout && s.ExpiresAt.IsZero()) {
		return time.Time{}
	}
	return due
}
