package transaction

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

var expired = Expired{Reference: ref, At: at(60)}

func closedFailed(code, reason string, minutes int) Failed {
	return Failed{Reference: ref, FailureCode: code, Reason: reason, At: at(minutes)}
}

func windowOver(attempt, minutes int) AttemptFailed {
	return AttemptFailed{
		Reference: ref, Attempt: attempt, Door: DoorClock, Code: FailureExpired, FailureCode: FailureExpired,
		Reason: "The request on the phone was not answered in time", Subject: subject, At: at(minutes),
	}
}

func TestPushThatIsNeverAnsweredFailsWhenItsWindowIsOver(t *testing.T) {
	given(t, push()...).when(Expire{At: at(5)}).
		then(Expired{Reference: ref, At: at(5)}, closedFailed(FailureExpired, "The payment was not made in time", 5)).
		so(StatusFailed, FailureExpired, 0, 0)
}

func TestNothingExpiresEarly(t *testing.T) {
	early := at(5).Add(-time.Nanosecond)
	given(t, push()...).when(Expire{At: early}).thenNothing()
	given(t, checkout()...).when(Expire{At: early}).thenNothing()
	given(t, opened(FromCheckout)).when(Expire{At: at(60).Add(-time.Nanosecond)}).thenNothing()
}

func TestCheckoutPromptThatIsNotAnsweredLeavesTheCheckoutOpen(t *testing.T) {
	given(t, checkout()...).when(Expire{At: at(5)}).then(windowOver(1, 5)).so(StatusPending, FailureExpired, 0, 0)
}

func TestCheckoutThatNobodyPaysFailsWhenItsTimeIsOver(t *testing.T) {
	given(t, opened(FromCheckout)).when(Expire{At: at(60)}).
		then(expired, closedFailed(FailureExpired, "The payment was not made in time", 60)).so(StatusFailed, FailureExpired, 0, 0)
}

func TestCheckoutThatClosesTellsWhyItsLastAttemptFailed(t *testing.T) {
	cancelled := failing(FailedByNotice, "1032", 3)
	given(t, checkout()...).when(cancelled).when(Expire{At: at(60)}).
		then(expired, closedFailed("failure_1032", "reason 1032", 60)).so(StatusFailed, "failure_1032", 0, 0)
}

func TestCheckoutStaysOpenWhileAPromptMayBeAnswered(t *testing.T) {
	late := pushed(1)
	late.At, late.Window = at(58), at(63)
	given(t, opened(FromCheckout), late).when(Expire{At: at(60)}).thenNothing().
		when(Expire{At: at(63)}).
		then(windowOver(1, 63), Expired{Reference: ref, At: at(63)}, closedFailed(FailureExpired, "The request on the phone was not answered in time", 63)).
		so(StatusFailed, FailureExpired, 0, 0)
}

func TestExpiryIsNoEvidenceALateSuccessCompletes(t *testing.T) {
	r, c := paid("R1", kes(1000), 90), confirmed(90)
	given(t, push()...).when(Expire{At: at(5)}).when(r).
		then(r.receivedEvent(kes(1000), kes(0)), r.completedEvent(kes(1000))).so(StatusCompleted, "", 1000, 0)
	given(t, push()...).when(Expire{At: at(5)}).when(c).so(StatusCompleted, "", 1000, 0)
	given(t, checkout()...).when(Expire{At: at(60)}).when(r).so(StatusCompleted, "", 1000, 0)
}

func TestFailureAfterExpiryGivesTheReason(t *testing.T) {
	cancelled := failing(FailedByNotice, "1032", 9)
	given(t, push()...).when(Expire{At: at(5)}).when(cancelled).then(cancelled.failedEvent()).so(StatusFailed, "failure_1032", 0, 0)
}

func TestMoneyThatCameIsNeverClosedAway(t *testing.T) {
	for name, events := range map[string][]domain.Command[State]{
		"the whole":    {paid("R1", kes(1000), 3)},
		"too little":   {paid("R1", kes(1), 3)},
		"confirmed":    {confirmed(3)},
		"failed":       {failing(FailedByNotice, "1032", 3)},
		"once expired": {Expire{At: at(60)}},
	} {
		t.Run(name, func(t *testing.T) {
			s := given(t, push()...)
			for _, c := range events {
				s = s.when(c)
			}
			s.when(Expire{At: at(600)}).thenNothing()
		})
	}
}

func TestCheckoutWithMoneyInItIsNeverClosed(t *testing.T) {
	for _, amount := range []int64{1, 1000, 2000} {
		given(t, checkout()...).when(paid("R1", kes(amount), 3)).when(Expire{At: at(600)}).thenNothing()
		given(t, checkout(pushed(2), accepted(2))...).when(paid("R1", kes(amount), 3)).when(Expire{At: at(600)}).thenNothing()
	}
}

func TestWhatNobodyAskedForNeverExpires(t *testing.T) {
	given(t, opened(FromC2B)).when(Expire{At: at(100_000)}).thenNothing()
	given(t).when(Expire{At: at(100_000)}).thenNothing()
	forever := opened(FromCheckout)
	forever.ExpiresAt = time.Time{}
	given(t, forever).when(Expire{At: at(100_000)}).thenNothing()
}

func TestDueIsTheTimeToLookAgain(t *testing.T) {
	forever := opened(FromCheckout)
	forever.ExpiresAt = time.Time{}
	for name, c := range map[string]struct {
		given []domain.Event
		want  time.Time
	}{
		"a push":                            {push(), at(5)},
		"a checkout":                        {[]domain.Event{opened(FromCheckout)}, at(60)},
		"a checkout whose prompt waits":     {checkout(), at(60)},
		"a checkout without end":            {[]domain.Event{forever}, time.Time{}},
		"a checkout without end, prompting": {[]domain.Event{forever, pushed(1)}, time.Time{}},
		"what nobody asked for":             {[]domain.Event{opened(FromC2B)}, time.Time{}},
	} {
		if got := given(t, c.given...).after.Due(); !got.Equal(c.want) {
			t.Errorf("%s is due at %s; want %s", name, got, c.want)
		}
	}
}
