package idempotency

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

var (
	t0       = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	intended = Intended{Merchant: 1, Route: "/api/customers/create", Body: "hash", ID: 4, At: t0}
	answered = Answered{Merchant: 1, Subject: "customer-4f1c", Status: 201, Answer: `{"status":"success"}`, At: t0}
)

func TestIntentIsAnnouncedOnce(t *testing.T) {
	given[State](t).when(Intend{intended}).then(intended).when(Intend{intended}).thenNothing()
}

func TestTwinKeepsTheNumberDrawnFirst(t *testing.T) {
	twin := intended
	twin.ID = 5
	s := given[State](t, intended).when(Intend{twin}).thenNothing()
	if s.state.Intent.ID != 4 {
		t.Errorf("number %d", s.state.Intent.ID)
	}
}

func TestTheSameKeyWithAnotherBodyIsAConflict(t *testing.T) {
	other := intended
	other.Body = "another"
	given[State](t, intended).when(Intend{other}).thenError(domain.CodeConflict)
	given[State](t, intended, answered).when(Intend{other}).thenError(domain.CodeConflict)
}

func TestFirstAnswerIsTheAnswer(t *testing.T) {
	other := answered
	other.Status = 500
	s := given[State](t, intended).when(Answer{answered}).then(answered).when(Answer{other}).thenNothing()
	if s.state.Answer.Status != 201 {
		t.Errorf("status %d", s.state.Answer.Status)
	}
}

func TestStreamOfAKey(t *testing.T) {
	if got := Stream("ab") + " " + answered.SubjectName(); got != "idempotency-ab customer-4f1c" {
		t.Error(got)
	}
}
