package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// Initialize opens a payment. With Push it is opened and its prompt asked for in one.
type Initialize struct {
	Initialized
	Push *RequestPush
}

// Decide opens the transaction. Repeating the same command decides nothing new.
// Errors: Conflict if the reference belongs to another payment, or the idempotency key came with another body; Invalid
// if the amount is not positive.
func (c Initialize) Decide(s State) ([]domain.Event, error) {
	if s.Exists() {
		if c.Idempotency == "" || s.Idempotency != c.Idempotency {
			return nil, &domain.Error{Code: domain.CodeConflict, Message: "reference is taken", Reason: ReasonReferenceTaken}
		}
		if s.Body != c.Body {
			return nil, domain.Conflictf("Idempotency-Key was used with another request body")
		}
		return nil, nil
	}
	if !c.Amount.IsPositive() {
		return nil, domain.Invalid("amount", "must be more than zero")
	}
	events := []domain.Event{c.Initialized}
	if c.Push != nil {
		more, err := c.Push.Decide(s.Evolve(c.Initialized))
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, nil
}

// ReasonReferenceTaken is the Reason of the Conflict that another payment has this reference: draw another one.
const ReasonReferenceTaken = "reference_taken"

// maxAttempts bounds how often the payer of one checkout is asked.
const maxAttempts = 20

// RequestPush asks for a prompt on a phone.
type RequestPush struct {
	Channel          int64
	Phone            string
	AccountReference string
	Window           time.Time
	At               time.Time
}

// Decide asks for it. Errors: Conflict while another attempt waits, when it is paid, over, or tried too often.
func (c RequestPush) Decide(s State) ([]domain.Event, error) {
	if err := s.mayTry(c.At); err != nil {
		return nil, err
	}
	return []domain.Event{StkPushRequested{
		Reference: s.Reference, Attempt: len(s.Attempts) + 1, Channel: c.Channel, Subject: s.Subject, Phone: domain.Personal(c.Phone),
		AccountReference: domain.Personal(c.AccountReference), Window: c.Window, At: c.At,
	}}, nil
}

// Open tells whether the payment still waits for money. Errors: NotFound; Conflict, with the reason, when it is paid or
// over.
func (s State) Open(at time.Time) error {
	switch {
	case !s.Exists():
		return domain.NotFoundf("transaction not found")
	case s.Status() == StatusCompleted:
		return &domain.Error{Code: domain.CodeConflict, Message: "This payment is already complete", Reason: "completed"}
	case len(s.Payments) > 0:
		return &domain.Error{Code: domain.CodeConflict, Message: "Money was received for this payment; please contact the merchant", Reason: "review"}
	case s.HasClosed || (!s.ExpiresAt.IsZero() && !at.Before(s.ExpiresAt)):
		return &domain.Error{Code: domain.CodeConflict, Message: "This payment has expired", Reason: FailureExpired}
	}
	return nil
}

// mayTry tells whether the customer may be asked (again).
func (s State) mayTry(at time.Time) error {
	if err := s.Open(at); err != nil {
		return err
	}
	switch {
	case s.Origin != FromCheckout && len(s.Attempts) > 0:
		return &domain.Error{Code: domain.CodeConflict, Message: "This payment can't be tried again", Reason: "closed"}
	case len(s.Attempts) >= maxAttempts:
		return &domain.Error{Code: domain.CodeConflict, Message: "This payment was tried too often", Reason: "too_many_attempts"}
	}
	if a, waiting := s.Waiting(); waiting && a.Method == MethodMpesaSTK && at.Before(a.Window) {
		return &domain.Error{Code: domain.CodeConflict, Message: "A payment request is already waiting on the phone", Reason: "waiting"}
	}
	return nil
}
