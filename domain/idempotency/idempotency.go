// Package idempotency holds the rules of Idempotency-Key for requests that do not create a transaction (those carry it in
// their first event): the stream idempotency-{keyed hash of merchant, mode, route and key} first takes the intent, with the
// hash of the body and the ids drawn for it, and then the answer.
package idempotency

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// Stream is the stream of a key's hash.
func Stream(hash string) string { return "idempotency-" + hash }

// Intended says that a request with this key is being carried out.
type Intended struct {
	Merchant int64     `json:"merchant_id"`
	Route    string    `json:"route"`
	Body     string    `json:"body"`
	ID       int64     `json:"id,omitempty"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Intended) EventType() string { return "IdempotentRequestIntended" }

// Answered keeps the answer for every twin to come.
type Answered struct {
	Merchant int64           `json:"merchant_id"`
	Subject  string          `json:"subject"`
	Status   int             `json:"status"`
	Answer   domain.Personal `json:"answer"`
	At       time.Time       `json:"at"`
}

// EventType is the wire name.
func (Answered) EventType() string { return "IdempotentRequestAnswered" }

// SubjectName is whose data the answer holds.
func (e Answered) SubjectName() string { return e.Subject }

// State is a key's story.
type State struct {
	Intent Intended
	Answer *Answered
}

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Intended:
		s.Intent = e
	case Answered:
		s.Answer = &e
	}
	return s
}

// Intend announces a request.
type Intend struct{ Intended }

// Decide announces it once. Errors: Conflict when the key came with another body.
func (c Intend) Decide(s State) ([]domain.Event, error) {
	if s.Intent.Route == "" {
		return []domain.Event{c.Intended}, nil
	}
	if s.Intent.Body != c.Body {
		return nil, domain.Conflictf("Idempotency-Key was used with another request body")
	}
	return nil, nil
}

// Answer keeps the answer.
type Answer struct{ Answered }

// Decide keeps the first one.
func (c Answer) Decide(s State) ([]domain.Event, error) {
	if s.Answer != nil {
		return nil, nil
	}
	return []domain.Event{c.Answered}, nil
}
