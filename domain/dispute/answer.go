package dispute

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// RequestAnswer announces the merchant's answer, before the provider is told.
type RequestAnswer struct {
	Answer  Answer
	Amount  money.Money // that goes back; zero of what is declined
	Message string
	At      time.Time
}

// Decide announces it, unless the same is announced already. Errors: NotFound; Conflict when it isn't the merchant's turn,
// or another answer was given; Invalid on amount.
func (c RequestAnswer) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("dispute not found")
	}
	if a, ok := s.LastAnswer(); ok && a.Outcome != Refused {
		if a.Answer != c.Answer || a.Amount != c.Amount {
			return nil, domain.Conflictf("This dispute has been answered already: %s", a.Answer)
		}
		return nil, nil
	}
	switch {
	case s.Status.Final():
		return nil, domain.Conflictf("This dispute has ended: %s", s.Status)
	case s.Status != NeedsResponse:
		return nil, domain.Conflictf("This dispute is under review: the provider takes no answer now")
	case c.Answer == Accept && !c.Amount.IsPositive():
		return nil, domain.Invalid("amount", "must be more than zero")
	case c.Answer == Accept && (c.Amount.Currency != s.Amount.Currency || c.Amount.Minor > s.Amount.Minor):
		return nil, domain.Invalid("amount", "is more than the payer asks for: "+s.Amount.Format())
	}
	return []domain.Event{AnswerRequested{
		ID: s.ID, N: len(s.Answers) + 1, Answer: c.Answer, Amount: c.Amount, Subject: s.Subject, Message: domain.Personal(c.Message), At: c.At,
	}}, nil
}

// SettleAnswer notes what the provider made of the newest answer.
type SettleAnswer struct {
	N           int
	Outcome     Outcome // Taken, Refused or Unknown
	FailureCode string
	Reason      string
	At          time.Time
}

// Decide notes it once; Unknown may still become one of the others. Errors: NotFound.
func (c SettleAnswer) Decide(s State) ([]domain.Event, error) {
	a, ok := s.LastAnswer()
	switch {
	case !ok || a.N != c.N:
		return nil, domain.NotFoundf("answer not found")
	case a.Outcome == c.Outcome || a.Outcome == Taken || a.Outcome == Refused:
		return nil, nil
	}
	switch c.Outcome {
	case Taken:
		return []domain.Event{AnswerAccepted{ID: s.ID, N: c.N, At: c.At}}, nil
	case Refused:
		return []domain.Event{AnswerRefused{ID: s.ID, N: c.N, FailureCode: c.FailureCode, Reason: c.Reason, At: c.At}}, nil
	case Unknown:
		return []domain.Event{AnswerUnknown{ID: s.ID, N: c.N, Detail: c.Reason, At: c.At}}, nil
	case Pending:
	}
	return nil, nil
}
