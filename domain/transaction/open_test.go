package transaction

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

func TestInitializeOpensATransaction(t *testing.T) {
	given(t).when(Initialize{Initialized: opened(FromCheckout)}).then(opened(FromCheckout)).so(StatusPending, "", 0, 0)
}

func TestInitializeWithAPushOpensAndAsksInOneAppend(t *testing.T) {
	ask := &RequestPush{Phone: "254712345678", AccountReference: "ORDER1", Window: at(5), At: t0}
	given(t).when(Initialize{Initialized: opened(FromPush), Push: ask}).
		then(opened(FromPush), pushed(1)).so(StatusPending, "", 0, 0)
}

func TestInitializeRefusesAnAmountThatIsNotPositive(t *testing.T) {
	for _, minor := range []int64{0, -100} {
		e := opened(FromCheckout)
		e.Amount.Minor = minor
		given(t).when(Initialize{Initialized: e}).thenError(domain.CodeInvalid, "")
	}
}

func TestInitializeRefusesAPushThatIsOverAlready(t *testing.T) {
	e := opened(FromCheckout)
	ask := &RequestPush{Phone: "254712345678", Window: at(70), At: e.ExpiresAt}
	given(t).when(Initialize{Initialized: e, Push: ask}).thenError(domain.CodeConflict, FailureExpired)
}

func TestATwinWithTheSameKeyAndBodyMeetsTheSameTransaction(t *testing.T) {
	first := opened(FromCheckout)
	first.Idempotency, first.Body = "key", "body"
	twin := first
	twin.ID, twin.At = 8, at(1)
	given(t, first).when(Initialize{Initialized: twin}).thenNothing()
	given(t, first, pushed(1)).when(Initialize{Initialized: twin, Push: &RequestPush{At: at(1)}}).thenNothing()
}

func TestATwinWithAnotherBodyIsAConflict(t *testing.T) {
	first := opened(FromCheckout)
	first.Idempotency, first.Body = "key", "body"
	twin := first
	twin.Body = "another"
	given(t, first).when(Initialize{Initialized: twin}).thenError(domain.CodeConflict, "")
}

func TestAReferenceOfAnotherPaymentIsTaken(t *testing.T) {
	keyed := opened(FromCheckout)
	keyed.Idempotency = "key"
	for name, c := range map[string]struct{ stands, comes Initialized }{
		"neither has a key":  {opened(FromCheckout), opened(FromCheckout)},
		"only the first has": {keyed, opened(FromCheckout)},
		"only the second":    {opened(FromCheckout), keyed},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, c.stands).when(Initialize{Initialized: c.comes}).thenError(domain.CodeConflict, ReasonReferenceTaken)
		})
	}
}

func TestThePayerMayBeAskedAgain(t *testing.T) {
	ask := RequestPush{Phone: "254712345678", AccountReference: "ORDER1", Window: at(15), At: at(10)}
	failed := failing(FailedByNotice, "1032", 2).failedEvent()
	t.Run("on a checkout whose attempt failed", func(t *testing.T) {
		given(t, checkout(failed)...).when(ask).then(pushed(2))
	})
	t.Run("on a checkout whose prompt was not answered in its window", func(t *testing.T) {
		given(t, checkout()...).when(ask).then(pushed(2))
	})
	t.Run("by phone while a card page stands open", func(t *testing.T) {
		given(t, opened(FromCheckout), CardCheckoutRequested{Reference: ref, Attempt: 1, At: t0}).when(ask).then(pushed(2))
	})
	t.Run("by card beside an open card page", func(t *testing.T) {
		given(t, opened(FromCheckout), CardCheckoutRequested{Reference: ref, Attempt: 1, At: t0}).
			when(RequestCard{ProviderReference: "p2", At: at(1)}).
			then(CardCheckoutRequested{Reference: ref, Attempt: 2, ProviderReference: "p2", At: at(1)})
	})
}

func TestThePayerIsNotAskedAgain(t *testing.T) {
	many := []domain.Event{opened(FromCheckout)}
	for n := range maxAttempts {
		many = append(many, CardCheckoutRequested{Reference: ref, Attempt: n + 1, At: t0})
	}
	expired := Expired{Reference: ref, At: at(60)}
	success := paid("R1", kes(1000), 3)
	paidWhole := []domain.Event{success.receivedEvent(kes(1000), kes(0)), success.completedEvent(kes(1000))}
	for name, c := range map[string]struct {
		given  []domain.Event
		at     time.Time
		reason string
	}{
		"while a prompt waits on the phone":    {checkout(), at(4), "waiting"},
		"once it is paid":                      {checkout(paidWhole...), at(10), "completed"},
		"once too little money came":           {checkout(paid("R1", kes(400), 3).receivedEvent(kes(400), kes(0))), at(10), "review"},
		"once its time is over":                {[]domain.Event{opened(FromCheckout)}, at(60), FailureExpired},
		"once it was closed":                   {[]domain.Event{opened(FromCheckout), expired}, at(10), FailureExpired},
		"of a push, which is one attempt":      {push(failing(FailedByNotice, "1032", 2).failedEvent()), at(10), "closed"},
		"more often than anyone tries to pay":  {many, at(10), "too_many_attempts"},
		"while the answer to a push was lost":  {[]domain.Event{opened(FromCheckout), pushed(1), lost(1)}, at(4), "waiting"},
		"when too little came after it closed": {checkout(expired, paid("R1", kes(1), 61).receivedEvent(kes(1), kes(0))), at(62), "review"},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, c.given...).when(RequestPush{Phone: "254712345678", At: c.at}).thenError(domain.CodeConflict, c.reason)
			given(t, c.given...).when(RequestCard{ProviderReference: "p", At: c.at}).thenError(domain.CodeConflict, c.reason)
		})
	}
}

func TestNothingIsAskedOfATransactionThatIsNotThere(t *testing.T) {
	for _, c := range []domain.Command[State]{
		RequestPush{},
		RequestCard{},
		OpenCard{Attempt: 1},
		AcceptPush{Attempt: 1},
		RejectPush{Attempt: 1},
		LosePush{Attempt: 1},
		ReceiveCallback{},
		Weigh{},
		NoteConflict{},
		Merge{},
	} {
		given(t).when(c).thenError(domain.CodeNotFound, "")
	}
}

func TestNothingIsSaidOfAnAttemptThatIsNotThere(t *testing.T) {
	for _, c := range []domain.Command[State]{
		OpenCard{Attempt: 2},
		AcceptPush{Attempt: 2},
		RejectPush{},
		LosePush{Attempt: -1},
		ReceiveCallback{Attempt: 2, Digest: "d"},
		paid("R1", kes(1000), 2).of(2), paid("R1", kes(1000), 2).of(0), paid("R1", kes(1000), 2).of(-1),
		ReceiveCallback{Digest: "d", Evidence: &Evidence{Kind: NoNews}},
	} {
		given(t, push()...).when(c).thenError(domain.CodeNotFound, "")
	}
}

func TestCardPageIsOpenedOnce(t *testing.T) {
	asked := CardCheckoutRequested{Reference: ref, Attempt: 1, ProviderReference: "p1", At: at(1)}
	given(t, opened(FromCheckout)).when(RequestCard{ProviderReference: "p1", At: at(1)}).then(asked).
		when(OpenCard{Attempt: 1, URL: "https://pay.example/x", Raw: "{}", At: at(2)}).
		then(CardCheckoutOpened{Reference: ref, Attempt: 1, Subject: subject, URL: "https://pay.example/x", Raw: "{}", At: at(2)}).
		when(OpenCard{Attempt: 1, URL: "https://pay.example/other", At: at(3)}).thenNothing()
}

func TestCardPaidByWebhookAndByVerifyIsOnePayment(t *testing.T) {
	card := []domain.Event{opened(FromCheckout), CardCheckoutRequested{Reference: ref, Attempt: 1, ProviderReference: "p1", At: at(1)}}
	webhook := paid("4099260516", kes(1000), 5).through(DoorCardWebhook)
	webhook.Method = MethodCard
	verify := webhook.through(DoorCardVerify)
	for _, order := range [][2]Weigh{{webhook, verify}, {verify, webhook}} {
		done := order[0].completedEvent(kes(1000))
		done.Method = MethodCard
		given(t, card...).when(order[0]).then(order[0].receivedEvent(kes(1000), kes(0)), done).
			when(order[1]).thenNothing().so(StatusCompleted, "", 1000, 0)
	}
}

func TestCardFailureLeavesTheCheckoutOpen(t *testing.T) {
	card := []domain.Event{opened(FromCheckout), CardCheckoutRequested{Reference: ref, Attempt: 1, ProviderReference: "p1", At: at(1)}}
	declined := failing(FailedByNotice, "declined", 5).through(DoorCardWebhook)
	given(t, card...).when(declined).then(declined.failedEvent()).so(StatusPending, "failure_declined", 0, 0)
}

func TestCardPageMayBePaidUntilItIs(t *testing.T) {
	asked := CardCheckoutRequested{Reference: ref, Attempt: 1, Channel: 3, ProviderReference: "p1", At: at(0)}
	page := CardCheckoutOpened{Reference: ref, Attempt: 1, Subject: subject, URL: "https://pay", At: at(0)}
	refused := failing(FailedByNotice, "declined", 1).through(DoorCardVerify).failedEvent()
	came := paid("R1", kes(1000), 2).through(DoorCardWebhook).receivedEvent(kes(1000), kes(0))
	for name, c := range map[string]struct {
		events []domain.Event
		want   bool
	}{
		"nobody knows whether it opened": {[]domain.Event{asked}, true},
		"open":                           {[]domain.Event{asked, page}, true},
		"a card was refused on it":       {[]domain.Event{asked, page, refused}, true},
		"never opened":                   {[]domain.Event{asked, refused}, false},
		"paid":                           {[]domain.Event{asked, page, came}, false},
		"no card attempt":                {[]domain.Event{pushed(1), accepted(1)}, false},
		"no attempt":                     {nil, false},
	} {
		if got := fold(State{}, append([]domain.Event{opened(FromCheckout)}, c.events...)...).MayBePaidByCard(1); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
