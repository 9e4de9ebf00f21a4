// Package customer holds the rules of a merchant's customers. A customer is found by what the caller knows, the email:
// the stream is customer-{keyed hash of merchant and email}, and customer-id-{id} points to it.
package customer

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
)

// ID is a customer's number.
type ID = int64

// Stream is the stream of the customer with that keyed hash; it is also the name of the customer's data key.
func Stream(hash string) string { return "customer-" + hash }

// IDStream points from a customer's number to the stream.
func IDStream(id ID) string { return "customer-id-" + strconv.FormatInt(id, 10) }

// Person are the contact details of a customer.
type Person struct {
	Email     domain.Personal `json:"email"`
	FirstName domain.Personal `json:"first_name,omitempty"`
	LastName  domain.Personal `json:"last_name,omitempty"`
	Phone     domain.Personal `json:"phone,omitempty"`
}

// Created opens a customer.
type Created struct {
	ID          ID     `json:"id"`
	Merchant    int64  `json:"merchant_id"`
	Hash        string `json:"hash"`
	Person      Person `json:"person"`
	Idempotency string `json:"idempotency,omitempty"`
	// Transaction is the reference of the payment that brought the customer, if one did.
	Transaction string    `json:"transaction,omitempty"`
	At          time.Time `json:"at"`
}

// EventType is the wire name.
func (Created) EventType() string { return "CustomerCreated" }

// SubjectName is the customer's own key.
func (e Created) SubjectName() string { return Stream(e.Hash) }

// Updated replaces a customer's contact details.
type Updated struct {
	ID       ID        `json:"id"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	Person   Person    `json:"person"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Updated) EventType() string { return "CustomerUpdated" }

// SubjectName is the customer's own key.
func (e Updated) SubjectName() string { return Stream(e.Hash) }

// IDAssigned points from a customer's number to the customer.
type IDAssigned struct {
	ID       ID        `json:"id"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (IDAssigned) EventType() string { return "CustomerIdAssigned" }

// State is a customer.
type State struct {
	ID          ID
	Merchant    int64
	Hash        string
	Person      Person
	Idempotency string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Privacy
}

// Exists tells whether the customer was created.
func (s State) Exists() bool { return s.ID != 0 }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Created:
		s = State{
			ID: e.ID, Merchant: e.Merchant, Hash: e.Hash, Person: e.Person, Idempotency: e.Idempotency,
			CreatedAt: e.At, UpdatedAt: e.At,
		}
	case Updated:
		s.Person, s.UpdatedAt, s.Erased = e.Person, e.At, false
	case Erased:
		s.Person, s.UpdatedAt = Person{}, e.At
		s.Privacy = s.Privacy.evolve(e)
	default:
		s.Privacy = s.Privacy.evolve(e)
	}
	return s
}

// Save creates the customer or updates the contact details given; empty ones stay as they are.
type Save struct {
	ID          ID // for a new one
	Merchant    int64
	Hash        string
	Person      Person
	Idempotency string
	Transaction string
	At          time.Time
}

// Decide creates, updates, or decides nothing when all is so already. A customer who was erased and comes back has what is given
// now, and nothing from before. Errors: Conflict while the customer is being erased.
func (c Save) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return []domain.Event{Created{
			ID: c.ID, Merchant: c.Merchant, Hash: c.Hash, Person: c.Person, Idempotency: c.Idempotency,
			Transaction: c.Transaction, At: c.At,
		}}, nil
	}
	if s.Started != nil {
		return nil, domain.Conflictf("This customer is being erased; try again in a moment")
	}
	next := s.Person
	for _, f := range []struct{ to, from *domain.Personal }{
		{&next.Email, &c.Person.Email},
		{&next.FirstName, &c.Person.FirstName},
		{&next.LastName, &c.Person.LastName},
		{&next.Phone, &c.Person.Phone},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	if next == s.Person {
		return nil, nil
	}
	return []domain.Event{Updated{ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, Person: next, At: c.At}}, nil
}
