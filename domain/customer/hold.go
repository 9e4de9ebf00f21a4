package customer

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
)

// Hold is a legal hold: while it stands the customer is not erased.
type Hold struct {
	Number int64
	Reason string
	At     time.Time
}

// HoldStream points from a hold's number to the customer.
func HoldStream(number int64) string { return "hold-" + strconv.FormatInt(number, 10) }

// HoldNumbered points from a hold's number to the customer. It is written before the hold is placed, so that no hold is without.
type HoldNumbered struct {
	Hold     int64     `json:"hold"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (HoldNumbered) EventType() string { return "LegalHoldNumbered" }

// HoldPlaced keeps a customer's data, whatever the rules of retention say.
type HoldPlaced struct {
	Hold     int64  `json:"hold"`
	ID       ID     `json:"id"`
	Merchant int64  `json:"merchant_id"`
	Hash     string `json:"hash"`
	// Reason is sealed under the customer's key: it may name the customer, and goes with the data.
	Reason domain.Personal `json:"reason"`
	At     time.Time       `json:"at"`
}

// EventType is the wire name.
func (HoldPlaced) EventType() string { return "LegalHoldPlaced" }

// SubjectName is the customer's own key.
func (e HoldPlaced) SubjectName() string { return Stream(e.Hash) }

// HoldReleased ends a hold.
type HoldReleased struct {
	Hold     int64     `json:"hold"`
	ID       ID        `json:"id"`
	Merchant int64     `json:"merchant_id"`
	Hash     string    `json:"hash"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (HoldReleased) EventType() string { return "LegalHoldReleased" }

// PlaceHold places a hold.
type PlaceHold struct {
	Hold   int64
	Reason string
	At     time.Time
}

// Decide places it once. Errors: NotFound; Invalid on reason; Conflict when the customer is erased.
func (c PlaceHold) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("customer not found")
	case s.Erased || s.Started != nil:
		return nil, domain.Conflictf("This customer is erased; there is nothing to hold")
	case c.Reason == "":
		return nil, domain.Invalid("reason", "is required")
	case s.holds(c.Hold):
		return nil, nil
	}
	return []domain.Event{HoldPlaced{
		Hold: c.Hold, ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, Reason: domain.Personal(c.Reason), At: c.At,
	}}, nil
}

func (p Privacy) holds(number int64) bool {
	for _, h := range p.Holds {
		if h.Number == number {
			return true
		}
	}
	return false
}

// ReleaseHold ends a hold.
type ReleaseHold struct {
	Hold int64
	At   time.Time
}

// Decide ends it. Errors: NotFound when no hold of that number stands.
func (c ReleaseHold) Decide(s State) ([]domain.Event, error) {
	if !s.holds(c.Hold) {
		return nil, domain.NotFoundf("no legal hold %d stands", c.Hold)
	}
	return []domain.Event{HoldReleased{Hold: c.Hold, ID: s.ID, Merchant: s.Merchant, Hash: s.Hash, At: c.At}}, nil
}
