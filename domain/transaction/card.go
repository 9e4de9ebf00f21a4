package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// RequestCard announces that a payment page is to be opened at the card provider.
type RequestCard struct {
	Channel           int64
	ProviderReference string
	At                time.Time
}

// Decide announces it. An open page that was neither paid nor failed may stand beside a new one: each has a reference of
// its own at the provider. Errors: as RequestPush.
func (c RequestCard) Decide(s State) ([]domain.Event, error) {
	if err := s.mayTry(c.At); err != nil {
		return nil, err
	}
	return []domain.Event{CardCheckoutRequested{
		Reference: s.Reference, Attempt: len(s.Attempts) + 1, Channel: c.Channel, ProviderReference: c.ProviderReference, At: c.At,
	}}, nil
}

// OpenCard records the page that the provider opened.
type OpenCard struct {
	Attempt int
	URL     string
	Raw     string
	At      time.Time
}

// Decide records it once.
func (c OpenCard) Decide(s State) ([]domain.Event, error) {
	a, ok := s.Attempt(c.Attempt)
	if !ok {
		return nil, domain.NotFoundf("transaction %s has no attempt %d", s.Reference, c.Attempt)
	}
	if a.Accepted {
		return nil, nil
	}
	return []domain.Event{CardCheckoutOpened{
		Reference: s.Reference, Attempt: c.Attempt, Subject: s.Subject, URL: domain.Personal(c.URL), Raw: domain.Personal(c.Raw), At: c.At,
	}}, nil
}

// MayBePaidByCard tells whether money may still come through a card attempt: its page was opened, or nobody knows. A card
// that was refused closes no page: the customer may try another one on it.
func (s State) MayBePaidByCard(attempt int) bool {
	a, ok := s.Attempt(attempt)
	return ok && a.Method == MethodCard && !s.Paid(attempt) && (a.Accepted || a.Failure == nil)
}
