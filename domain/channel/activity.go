package channel

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// SetActive lets a channel take new payments, or no more. What was begun through it goes on: a prompt that is on a phone may
// still be paid, and that money is recorded.
type SetActive struct {
	Active bool
	At     time.Time
}

// Decide changes what is not so already. Errors: NotFound.
func (c SetActive) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payment channel not found")
	case s.Active == c.Active:
		return nil, nil
	case c.Active:
		return []domain.Event{Activated{Channel: s.ID, At: c.At}}, nil
	default:
		return []domain.Event{Deactivated{Channel: s.ID, At: c.At}}, nil
	}
}
