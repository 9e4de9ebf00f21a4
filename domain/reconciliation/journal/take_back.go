package journal

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// TakeBack ends a person's decision that could not be booked: what held before it holds again.
type TakeBack struct {
	N int
	// Decisions is how many there were about the difference with the one that is taken back.
	Decisions int
	Why       string
	At        time.Time
}

// Decide takes it back once, and nothing that was decided since. Errors: NotFound.
func (c TakeBack) Decide(s State) ([]domain.Event, error) {
	i, ok := s.Item(c.N)
	switch {
	case !ok:
		return nil, domain.NotFoundf("reconciliation item not found")
	case i.Decisions != c.Decisions || !i.Action.ByPerson():
		return nil, nil
	}
	return []domain.Event{Resolved{
		ID: s.ID, Subject: s.Subject, Reason: domain.Personal(c.Why), At: c.At,
		Resolutions: []Resolution{{N: c.N, Action: i.before, TakenBack: i.Action}},
	}}, nil
}

// Reopen takes a person's decision back: another person, or the same, found it to be wrong.
type Reopen struct {
	N       int
	Subject string // whose key seals the reason
	Reason  domain.Personal
	At      time.Time
}

// Decide takes back that a difference was accepted, and that its money was written off or returned. Errors: NotFound; Conflict where
// nothing of the kind was decided.
func (c Reopen) Decide(s State) ([]domain.Event, error) {
	i, ok := s.Item(c.N)
	switch {
	case !ok:
		return nil, domain.NotFoundf("reconciliation item not found")
	case i.Action == Credit || i.Action == Recorded:
		return nil, domain.Conflictf("The money counts for %s: what is wrong there is mended there, by a refund", i.ResolvedTo)
	case i.Action != Accept && i.Action != WriteOff && i.Action != Return:
		return nil, domain.Conflictf("Nothing was decided about this difference that can be taken back")
	}
	return []domain.Event{Resolved{
		ID: s.ID, Subject: c.Subject, Reason: c.Reason, At: c.At,
		Resolutions: []Resolution{{N: c.N, Action: i.before, TakenBack: i.Action}},
	}}, nil
}
