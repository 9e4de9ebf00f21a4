package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// AcceptPush records that the provider took the push.
type AcceptPush struct {
	Attempt           int
	MerchantRequestID string
	CheckoutRequestID string
	Raw               string
	At                time.Time
}

// Decide records it once, also after the callback came first.
func (c AcceptPush) Decide(s State) ([]domain.Event, error) {
	a, ok := s.Attempt(c.Attempt)
	if !ok {
		return nil, domain.NotFoundf("transaction %s has no attempt %d", s.Reference, c.Attempt)
	}
	if a.Accepted {
		return nil, nil
	}
	d := decision{before: s, after: s}
	d.add(StkPushAccepted{
		Reference: s.Reference, Attempt: c.Attempt, Subject: s.Subject, MerchantRequestID: c.MerchantRequestID,
		Named: named(c.CheckoutRequestID), Raw: domain.Personal(c.Raw), At: c.At,
	})
	if a.Named != "" && c.CheckoutRequestID != "" && a.Named != c.CheckoutRequestID {
		w := Weigh{Evidence: Evidence{Attempt: c.Attempt}, At: c.At}
		d.conflict(w, ConflictMismatch, "", "the answer to our push names another CheckoutRequestID than a notice that came before it")
	}
	return d.events, nil
}

// RejectPush records that no prompt went out, and why.
type RejectPush struct {
	Attempt     int
	Code        string
	FailureCode string
	Reason      string
	Raw         string
	At          time.Time
}

// Decide records it once, unless weightier news came before; it fails the attempt, and the transaction if that was its only one.
func (c RejectPush) Decide(s State) ([]domain.Event, error) {
	a, ok := s.Attempt(c.Attempt)
	if !ok {
		return nil, domain.NotFoundf("transaction %s has no attempt %d", s.Reference, c.Attempt)
	}
	f := Failure{Kind: FailedByNotice, Code: c.Code}
	if a.Accepted || !f.outranks(a.Failure) {
		return nil, nil
	}
	d := decision{before: s, after: s}
	d.add(StkPushRejected{
		Reference: s.Reference, Attempt: c.Attempt, Subject: s.Subject, Code: c.Code, FailureCode: c.FailureCode,
		Reason: c.Reason, Raw: domain.Personal(c.Raw), At: c.At,
	})
	d.conclude(c.At)
	return d.events, nil
}

// LosePush records that the answer to the push was lost.
type LosePush struct {
	Attempt int
	Detail  string
	At      time.Time
}

// Decide records it once, unless the outcome is known by now.
func (c LosePush) Decide(s State) ([]domain.Event, error) {
	a, ok := s.Attempt(c.Attempt)
	if !ok {
		return nil, domain.NotFoundf("transaction %s has no attempt %d", s.Reference, c.Attempt)
	}
	if a.Accepted || a.Unknown || a.Failure != nil || s.Paid(c.Attempt) {
		return nil, nil
	}
	return []domain.Event{StkPushOutcomeUnknown{Reference: s.Reference, Attempt: c.Attempt, Detail: c.Detail, At: c.At}}, nil
}
