package receipt

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

func TestAReceiptIsAskedAfterOnceAtATimeAndEachAnswerIsKept(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2025, 11, 23, 9, minutes, 0, 0, time.UTC) }
	asked := func(minute int) StatusAsked { return StatusAsked{Number: "SKN1", Item: 7, At: at(minute)} }
	said := func(minute int, digest string) StatusAnswered {
		return StatusAnswered{Number: "SKN1", Item: 7, Status: StatusCompleted, Digest: digest, At: at(minute)}
	}
	given[State](t).when(AnswerStatus{said(0, "a")}).thenError(domain.CodeNotFound)
	s := given[State](t).
		when(AskStatus{asked(0)}).then(asked(0)).
		when(AskStatus{asked(1)}).thenNothing().
		when(AskStatus{asked(3)}).then(asked(3)).
		when(AnswerStatus{said(4, "a")}).then(said(4, "a")).
		when(AnswerStatus{said(5, "a")}).thenNothing().
		when(AskStatus{asked(5)}).then(asked(5))
	if !s.state.Waiting(at(6)) || s.state.Answer.Digest != "a" {
		t.Errorf("%+v", s.state)
	}
	if s = s.when(AnswerStatus{said(6, "b")}); s.state.Waiting(at(6)) {
		t.Error("it waits for an answer that came")
	}
}
