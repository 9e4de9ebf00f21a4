package payout

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// maxNotices bounds what is kept of notices for one payout; a provider sends a handful.
const maxNotices = 100

// Send promises that the provider is asked to pay. Whoever's promise it is asks, once.
type Send struct{ At time.Time }

// Decide promises it once, when it is approved and for M-Pesa to pay.
func (c Send) Decide(s State) ([]domain.Event, error) {
	if s.Status != Ready || s.Way != ByB2C {
		return nil, nil
	}
	return []domain.Event{Sent{Reference: s.Reference, OriginatorConversationID: string(s.Reference), At: c.At}}, nil
}

// Accept notes that the provider took the request.
type Accept struct {
	ConversationID string
	Raw            string
	At             time.Time
}

// Decide notes it once, of what was sent.
func (c Accept) Decide(s State) ([]domain.Event, error) {
	if !s.WasSent || s.ConversationID != "" {
		return nil, nil
	}
	return []domain.Event{Accepted{Reference: s.Reference, ConversationID: c.ConversationID, Raw: domain.Personal(c.Raw), At: c.At}}, nil
}

// Lose notes that the answer to the request was lost.
type Lose struct {
	Detail string
	At     time.Time
}

// Decide notes it once, unless the answer is known.
func (c Lose) Decide(s State) ([]domain.Event, error) {
	if !s.WasSent || s.Answered {
		return nil, nil
	}
	return []domain.Event{OutcomeUnknown{Reference: s.Reference, Detail: c.Detail, At: c.At}}, nil
}

// Flag hands a payout to a person, or without a reason says that one has looked.
type Flag struct {
	Why string
	At  time.Time
}

// Decide flags it while it is to be sent, under way or taken for paid, unless it is flagged for the same.
func (c Flag) Decide(s State) ([]domain.Event, error) {
	if s.Status != Ready && s.Status != Pending && s.Status != Paid || s.Attention == c.Why {
		return nil, nil
	}
	return []domain.Event{NeedsAttention{Reference: s.Reference, Why: c.Why, At: c.At}}, nil
}

// Weigh lets what a provider said of a payout count. Repeating it decides nothing.
type Weigh struct {
	Door Door
	// Raw are the provider's words, with their digest; empty when they stand already.
	Raw, Digest string
	// Done says that it has paid, Refused that it has not. Neither is no news.
	Done, Refused             bool
	Receipt                   string
	Amount                    *money.Money // nil when the provider doesn't say: what was requested
	Charge                    *money.Money // nil when the provider doesn't say
	PaidAt                    time.Time
	Code, FailureCode, Reason string
	At                        time.Time
}

// Decide keeps the words, and what they change: paid is final to a provider, failed only until there is word that it was paid after
// all. Word that it was not paid after word that it was is for a person, who may find it failed. What was never sent can't have
// been paid. Errors: NotFound.
func (c Weigh) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("payout not found")
	}
	if c.Raw != "" && s.Has(c.Digest) {
		return nil, nil // it has been weighed
	}
	var events []domain.Event
	if c.Raw != "" && len(s.digests) < maxNotices {
		events = append(events, NoticeReceived{Reference: s.Reference, Door: c.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: c.At})
	}
	if !s.WasSent {
		return events, nil
	}
	var charge money.Money
	if c.Charge != nil && c.Charge.Currency == s.Amount.Currency && c.Charge.Minor >= 0 {
		charge = *c.Charge
	}
	switch {
	case c.Done && s.Status != Paid:
		amount := s.Amount
		if c.Amount != nil && c.Amount.Currency == amount.Currency && c.Amount.IsPositive() {
			amount = *c.Amount
		}
		events = append(events, Completed{
			Reference: s.Reference, Door: c.Door, Receipt: c.Receipt, Amount: amount, Charge: charge, PaidAt: c.PaidAt, Digest: c.Digest, At: c.At,
		})
	case c.Done && s.Charge == nil && charge.Currency != "":
		events = append(events, ChargeReported{Reference: s.Reference, Door: c.Door, Charge: charge, Digest: c.Digest, At: c.At})
	case c.Refused && s.Status == Paid && c.Door != DoorOperator:
		if why := "the provider says that it was paid, and that it was not: " + c.Reason; why != s.Attention {
			events = append(events, NeedsAttention{Reference: s.Reference, Why: why, At: c.At})
		}
	case c.Refused && (s.Status == Pending || s.Status == Paid):
		events = append(events, Failed{
			Reference: s.Reference, Door: c.Door, Code: c.Code, FailureCode: c.FailureCode, Reason: c.Reason, Digest: c.Digest, At: c.At,
		})
	}
	return events, nil
}

// maxEvidence bounds what a person gives as evidence, in characters.
const maxEvidence = 2000

// Settle is a person's word for what became of a payout that nothing final is known of, or about which the provider contradicts
// itself, with the evidence for it.
type Settle struct {
	Paid     bool
	Receipt  string // the provider's, where it was paid
	Evidence string // where it was seen: a statement's line, an answer of the provider's support
	Digest   string // of the evidence
	PaidAt   time.Time
	At       time.Time
}

// Decide lets it count as the provider's word would. Errors: NotFound; Invalid on evidence, receipt and paid_at; Conflict when the
// provider was never asked, or what became of it is known to be something else.
func (c Settle) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payout not found")
	case s.Way == ByPerson:
		return nil, domain.Conflictf("A person makes this payout: record it with the bank's reference")
	case s.Status == Paid && c.Paid && s.Attention == "" && (c.Receipt == "" || c.Receipt == s.Receipt), s.Status == Refused && !c.Paid:
		return nil, nil
	case s.Status == Paid && (s.Attention == "" || c.Paid && c.Receipt != s.Receipt):
		return nil, domain.Conflictf("This payout is completed, with receipt %s", s.Receipt)
	case !s.WasSent:
		return nil, domain.Conflictf("This payout is %s: the provider was never asked to pay it", s.Status)
	}
	var p domain.Problems
	if n := characters(c.Evidence); n == 0 || n > maxEvidence {
		p.Add("evidence", "must have 1 to 2000 characters")
	}
	if c.Paid && !isBankReference(c.Receipt) {
		p.Add("receipt", "is required: the provider's receipt of the payout")
	}
	switch {
	case !c.Paid || c.PaidAt.IsZero():
	case c.PaidAt.After(c.At):
		p.Add("paid_at", "must not be in the future")
	case c.PaidAt.Before(s.SentAt.Truncate(time.Minute)):
		p.Add("paid_at", "must not be before the payout was sent")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	w := Weigh{Door: DoorOperator, Raw: c.Evidence, Digest: c.Digest, Done: c.Paid, Refused: !c.Paid, Receipt: c.Receipt, PaidAt: c.PaidAt, At: c.At}
	if !c.Paid {
		w.FailureCode, w.Reason = "settled_by_person", "A person found that the provider has not paid it"
	}
	events, err := w.Decide(s)
	if err == nil && s.Status == Paid && c.Paid { // it was looked at, and is so
		events = append(events, NeedsAttention{Reference: s.Reference, At: c.At})
	}
	return events, err
}
