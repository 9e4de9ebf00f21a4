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
