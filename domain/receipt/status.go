package receipt

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// StatusAsked says that the provider is about to be asked what it knows of a receipt that only a statement shows.
type StatusAsked struct {
	Provider string      `json:"provider"`
	Number   string      `json:"number"`
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Channel  int64       `json:"channel_id"`
	// Item is the difference that it is asked for.
	Item int64     `json:"item_id"`
	At   time.Time `json:"at"`
}

// EventType is the wire name.
func (StatusAsked) EventType() string { return "ReceiptStatusAsked" }

// Status is what a provider says became of a transaction.
type Status string

// The statuses.
const (
	StatusUnknown   Status = "unknown" // it doesn't know, or says a word that is not known here: that proves nothing
	StatusCompleted Status = "completed"
	StatusReversed  Status = "reversed"
	StatusFailed    Status = "failed"
)

// StatusAnswered is the provider's answer, kept word for word. It says what the provider knows; whose the money is follows from it
// only where the rules of reconciliation say so.
type StatusAnswered struct {
	Provider string      `json:"provider"`
	Number   string      `json:"number"`
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Channel  int64       `json:"channel_id"`
	Item     int64       `json:"item_id"`
	Status   Status      `json:"status"`
	// Reason is the provider's word for the kind of transaction, or why it doesn't answer.
	Reason string      `json:"reason,omitempty"`
	Amount money.Money `json:"amount,omitzero"`  // zero where it doesn't say
	PaidAt time.Time   `json:"paid_at,omitzero"` // the same
	// Subject is whose key seals what is personal: the key of the line's words.
	Subject string `json:"subject"`
	// Phone and Name are who paid.
	Phone  domain.Personal `json:"phone,omitempty"`
	Name   domain.Personal `json:"name,omitempty"`
	Digest string          `json:"digest"`
	Raw    domain.Personal `json:"raw"`
	At     time.Time       `json:"at"`
}

// EventType is the wire name.
func (StatusAnswered) EventType() string { return "ReceiptStatusAnswered" }

// SubjectName is whose key seals it.
func (e StatusAnswered) SubjectName() string { return e.Subject }

// Words are what the answer says of who paid, empty when it is erased.
func (e StatusAnswered) Words() string { return string(e.Phone) + " - " + string(e.Name) }

// Waiting tells whether an answer is waited for that may still come.
func (s State) Waiting(now time.Time) bool {
	return s.Asked != nil && (s.Answer == nil || s.Answer.At.Before(s.Asked.At)) && now.Sub(s.Asked.At) < answerWithin
}

const (
	// answerWithin is how long an answer is waited for before it may be asked again (Daraja answers within seconds, or never).
	answerWithin = 2 * time.Minute
	// maxAnswers bounds what is kept of answers about one receipt.
	maxAnswers = 50
)

// AskStatus notes a question before it is put.
type AskStatus struct{ StatusAsked }

// Decide notes it, unless the answer to one is waited for. Errors: Conflict after too many.
func (c AskStatus) Decide(s State) ([]domain.Event, error) {
	switch {
	case s.Waiting(c.At):
		return nil, nil
	case len(s.answers) >= maxAnswers:
		return nil, domain.Conflictf("M-Pesa has been asked after this receipt too often")
	}
	return []domain.Event{c.StatusAsked}, nil
}

// AnswerStatus keeps an answer.
type AnswerStatus struct{ StatusAnswered }

// Decide keeps each answer once. Errors: NotFound when nobody has asked; Conflict after too many.
func (c AnswerStatus) Decide(s State) ([]domain.Event, error) {
	if s.Asked == nil {
		return nil, domain.NotFoundf("nobody has asked after this receipt")
	}
	for _, d := range s.answers {
		if d == c.Digest {
			return nil, nil
		}
	}
	if len(s.answers) >= maxAnswers {
		return nil, domain.Conflictf("receipt %s has too many answers", c.Number)
	}
	return []domain.Event{c.StatusAnswered}, nil
}
