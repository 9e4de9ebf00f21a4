package transaction

import (
	"testing"

	"github.com/benfex/kipay/domain"
)

var (
	asked    = []domain.Event{opened(FromPush), pushed(1)}
	accept   = AcceptPush{Attempt: 1, MerchantRequestID: "mr-1", CheckoutRequestID: checkoutID(1), Raw: "{}", At: at(1)}
	reject   = RejectPush{Attempt: 1, Code: "400.002.02", FailureCode: "invalid_request", Reason: "no", Raw: "{}", At: at(1)}
	lose     = LosePush{Attempt: 1, Detail: "timeout", At: at(1)}
	rejected = StkPushRejected{
		Reference: ref, Attempt: 1, Subject: subject, Code: "400.002.02", FailureCode: "invalid_request", Reason: "no", Raw: "{}", At: at(1),
	}
)

func TestAcceptedPushIsNotPaid(t *testing.T) {
	given(t, asked...).when(accept).then(accepted(1)).so(StatusPending, "", 0, 0)
}

func TestRejectedPushFailsItsTransaction(t *testing.T) {
	given(t, asked...).when(reject).
		then(rejected, Failed{Reference: ref, FailureCode: "invalid_request", Reason: "no", At: at(1)}).
		so(StatusFailed, "invalid_request", 0, 0)
}

func TestRejectedPushFailsOnlyTheAttemptOfACheckout(t *testing.T) {
	given(t, opened(FromCheckout), pushed(1)).when(reject).then(rejected).so(StatusPending, "invalid_request", 0, 0)
}

func TestLostResponseProvesNothing(t *testing.T) {
	given(t, asked...).when(lose).then(lost(1)).so(StatusPending, "", 0, 0)
}

func TestLostResponseIsNotNotedOnceTheOutcomeIsKnown(t *testing.T) {
	given(t, push()...).when(lose).thenNothing()
	given(t, asked...).when(reject).when(lose).thenNothing()
	given(t, asked...).when(paid("R1", kes(1000), 2)).when(lose).thenNothing()
	given(t, asked...).when(confirmed(2)).when(lose).thenNothing()
}

func TestResponseThatComesAfterAllIsStillRecorded(t *testing.T) {
	given(t, opened(FromPush), pushed(1), lost(1)).when(accept).then(accepted(1)).so(StatusPending, "", 0, 0)
}

func TestCallbackBeforeTheResponseCompletes(t *testing.T) {
	success := paid("R1", kes(1000), 1).naming(checkoutID(1))
	given(t, asked...).when(success).
		then(success.receivedEvent(kes(1000), kes(0)), success.completedEvent(kes(1000))).
		when(accept).then(accepted(1)).so(StatusCompleted, "", 1000, 0)
}

func TestFailureBeforeTheResponseFails(t *testing.T) {
	cancelled := failing(FailedByNotice, "1032", 1).naming(checkoutID(1))
	given(t, asked...).when(cancelled).then(cancelled.failedEvent(), cancelled.failedForGood()).
		when(accept).then(accepted(1)).so(StatusFailed, "failure_1032", 0, 0)
}

func TestSuccessAfterALostResponseCompletes(t *testing.T) {
	success := paid("R1", kes(1000), 4)
	given(t, opened(FromPush), pushed(1), lost(1)).when(success).
		then(success.receivedEvent(kes(1000), kes(0)), success.completedEvent(kes(1000))).so(StatusCompleted, "", 1000, 0)
}

func TestSuccessAfterARejectionCompletes(t *testing.T) {
	success := paid("R1", kes(1000), 4)
	given(t, asked...).when(reject).when(success).
		then(success.receivedEvent(kes(1000), kes(0)), success.completedEvent(kes(1000))).so(StatusCompleted, "", 1000, 0)
}

func TestRejectionAfterASuccessChangesNothingButIsKept(t *testing.T) {
	given(t, asked...).when(paid("R1", kes(1000), 1)).when(reject).then(rejected).so(StatusCompleted, "", 1000, 0)
}

func TestRejectionOutranksTheClockInEitherOrder(t *testing.T) {
	clock := failing(ClockRanOut, FailureExpired, 6)
	given(t, asked...).when(clock).when(reject).then(rejected).so(StatusFailed, "invalid_request", 0, 0)
	given(t, asked...).when(reject).when(clock).thenNothing().so(StatusFailed, "invalid_request", 0, 0)
}

func TestRejectionAfterAnAcceptanceIsNoNews(t *testing.T) {
	given(t, push()...).when(reject).thenNothing().so(StatusPending, "", 0, 0)
}

func TestCallbackIsKeptWordForWordBeforeItIsUnderstood(t *testing.T) {
	notice := ReceiveCallback{Door: DoorStkCallback, Attempt: 1, Digest: "d", Raw: `{"Body":`, At: at(2)}
	given(t, push()...).when(notice).then(CallbackReceived{
		Reference: ref, Attempt: 1, Subject: subject, Door: DoorStkCallback, Digest: "d", Raw: `{"Body":`, At: at(2),
	}).so(StatusPending, "", 0, 0)
}

func TestRepeatedCallbackAppendsNothing(t *testing.T) {
	cancelled := failing(FailedByNotice, "1032", 2)
	notice := ReceiveCallback{Door: DoorStkCallback, Attempt: 1, Digest: cancelled.Digest, Raw: "{}", Evidence: &cancelled.Evidence, At: at(2)}
	kept := CallbackReceived{Reference: ref, Attempt: 1, Subject: subject, Door: DoorStkCallback, Digest: cancelled.Digest, Raw: "{}", At: at(2)}
	again := notice
	again.At = at(3)
	given(t, push()...).when(notice).then(kept, cancelled.failedEvent(), cancelled.failedForGood()).
		when(again).thenNothing().so(StatusFailed, "failure_1032", 0, 0)
}

func TestEvidenceLostBetweenTwoAppendsCountsWhenTheCallbackIsRepeated(t *testing.T) {
	cancelled := failing(FailedByNotice, "1032", 2)
	kept := CallbackReceived{Reference: ref, Attempt: 1, Subject: subject, Door: DoorStkCallback, Digest: cancelled.Digest, Raw: "{}", At: at(2)}
	given(t, push(kept)...).
		when(ReceiveCallback{Door: DoorStkCallback, Attempt: 1, Digest: cancelled.Digest, Raw: "{}", Evidence: &cancelled.Evidence, At: at(2)}).
		then(cancelled.failedEvent(), cancelled.failedForGood())
}

func TestFloodOfNoticesDoesNotHideTheOneThatPays(t *testing.T) {
	events := push()
	for n := range maxNotices {
		events = append(events, CallbackReceived{Reference: ref, Attempt: 1, Digest: string(rune('a' + n)), At: at(2)})
	}
	success := paid("R1", kes(1000), 3)
	given(t, events...).
		when(ReceiveCallback{Door: DoorStkCallback, Attempt: 1, Digest: success.Digest, Raw: "{}", Evidence: &success.Evidence, At: at(3)}).
		then(success.receivedEvent(kes(1000), kes(0)), success.completedEvent(kes(1000)))
}

func TestNoticeThatNamesAnotherRequestDoesNotCountAndIsSeen(t *testing.T) {
	const detail = "the notice names another CheckoutRequestID than the answer to our push"
	foreign := paid("R1", kes(1000), 2).naming("ws_CO_other")
	second := paid("R2", kes(1000), 2).naming("ws_CO_other")
	given(t, push()...).
		when(foreign).then(foreign.conflictEvent(ConflictMismatch, detail+"; it says that KES 1,000.00 came")).
		when(second).then(second.conflictEvent(ConflictMismatch, detail+"; it says that KES 1,000.00 came")).
		so(StatusPending, "", 0, 0)
	cancelled := failing(FailedByNotice, "1032", 2).naming("ws_CO_other")
	given(t, push()...).when(cancelled).then(cancelled.conflictEvent(ConflictMismatch, detail)).so(StatusPending, "", 0, 0)
}

func TestNoticeThatNamedAnotherRequestBeforeTheResponseIsSeen(t *testing.T) {
	for name, foreign := range map[string]Weigh{
		"success": paid("R1", kes(1000), 1).naming("ws_CO_other"),
		"failure": failing(FailedByNotice, "1032", 1).naming("ws_CO_other"),
	} {
		t.Run(name, func(t *testing.T) {
			given(t, asked...).when(foreign).when(accept).then(accepted(1), Conflicted{
				Reference: ref, Attempt: 1, Kind: ConflictMismatch, At: at(1),
				Detail: "the answer to our push names another CheckoutRequestID than a notice that came before it",
			})
		})
	}
}

func TestOutsideConflictIsNotedOnce(t *testing.T) {
	note := NoteConflict{Attempt: 1, Kind: ConflictReceiptTaken, Receipt: "R1", Detail: "pays MPESAX", Digest: "d", At: at(3)}
	noted := Conflicted{Reference: ref, Attempt: 1, Kind: ConflictReceiptTaken, Receipt: "R1", Detail: "pays MPESAX", Digest: "d", At: at(3)}
	later := note
	later.At = at(9)
	given(t, push()...).when(note).then(noted).when(later).thenNothing().so(StatusPending, "", 0, 0)
}
