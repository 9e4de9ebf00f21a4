package transaction

import (
	"fmt"
	"strings"
	"testing"

	"github.com/benfex/kipay/domain"
)

// lostRefund is a refund of all of a payment whose answer was lost.
func lostRefund(t *testing.T, way RefundWay) spec {
	t.Helper()
	return requested(t, way).when(LoseRefund{Refund: 1, Detail: "no answer", At: at(11)})
}

func requested(t *testing.T, way RefundWay) spec {
	t.Helper()
	return given(t, opened(FromPush), pushed(1)).when(paid("R1", kes(1000), 3)).when(RequestRefund{
		Refund: 1, Name: "REFUND1", Amount: kes(1000), Way: way, Receipt: "R1", At: at(10),
	})
}

func settled(done bool, receipt, evidence string, minutes int) SettleRefund {
	return SettleRefund{
		Refund: 1, Done: done, Receipt: receipt, Evidence: evidence, Digest: fmt.Sprint(done, receipt, evidence), RefundedAt: at(12), At: at(minutes),
	}
}

func saysDone(receipt string) WeighRefund {
	return WeighRefund{Refund: 1, Door: DoorRefundResult, Raw: "{}", Digest: "done " + receipt, Done: true, Receipt: receipt, RefundedAt: at(20), At: at(20)}
}

func saysRefused(digest string) WeighRefund {
	return WeighRefund{Refund: 1, Door: DoorRefundResult, Raw: "{}", Digest: digest, Refused: true, Reason: "no funds", At: at(20)}
}

// decided are the names of the events.
func (s spec) decided(want ...string) spec {
	s.t.Helper()
	if s.err != nil {
		s.t.Errorf("failed with %v", s.err)
	}
	got := make([]string, 0, len(s.events))
	for _, e := range s.events {
		got = append(got, e.EventType())
	}
	if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
		s.t.Errorf("decided %q; want %q", g, w)
	}
	return s
}

// refund states what is known of the refund afterwards.
func (s spec) refund(status RefundStatus, receipt string, refundable int64, attention bool) spec {
	s.t.Helper()
	r, _ := s.after.RefundOf(1)
	got := fmt.Sprintf("%s %q, %s can go back, attention %t", r.Status, r.RefundReceipt, s.after.Refundable(), r.Attention != "")
	if want := fmt.Sprintf("%s %q, %s can go back, attention %t", status, receipt, kes(refundable), attention); got != want {
		s.t.Errorf("is %s; want %s", got, want)
	}
	return s
}

func TestAPersonSettlesARefundOfUnknownOutcome(t *testing.T) {
	lostRefund(t, RefundByReversal).when(settled(true, "B1", "statement, line 4", 30)).
		decided("RefundNoticeReceived", "RefundCompleted").refund(RefundDone, "B1", 0, false).
		when(settled(true, "B1", "another line", 31)).thenNothing()
	lostRefund(t, RefundByPayout).when(settled(false, "", "not on the statement", 30)).
		decided("RefundNoticeReceived", "RefundFailed").refund(RefundRefused, "", 1000, false).
		when(settled(false, "", "nor on the next one", 31)).thenNothing()
	requested(t, RefundByReversal).when(AcceptRefund{Refund: 1, At: at(11)}).when(FlagRefund{Refund: 1, Why: "a day", At: at(2000)}).
		when(settled(true, "B1", "portal", 2001)).refund(RefundDone, "B1", 0, false)
}

func TestAPersonSettlesOnlyWhatIsLeftToOne(t *testing.T) {
	yes, no := settled(true, "B1", "portal", 30), settled(false, "", "portal", 30)
	requested(t, RefundByReversal).when(no).thenError(domain.CodeConflict, "")
	requested(t, RefundByReversal).when(AcceptRefund{Refund: 1, At: at(11)}).when(no).thenError(domain.CodeConflict, "")
	lostRefund(t, RefundByReversal).when(saysDone("B2")).when(no).thenError(domain.CodeConflict, "")
	lostRefund(t, RefundByReversal).when(saysDone("B2")).when(yes).thenError(domain.CodeConflict, "")
	lostRefund(t, RefundByReversal).when(saysRefused("no")).when(yes).thenError(domain.CodeConflict, "")
	lostRefund(t, RefundByReversal).when(settled(true, "B1", "", 30)).thenError(domain.CodeInvalid, "")
	lostRefund(t, RefundByReversal).when(settled(true, "", "portal", 30)).thenError(domain.CodeInvalid, "")
	lostRefund(t, RefundByReversal).when(settled(true, "R1", "portal", 30)).thenError(domain.CodeInvalid, "")
	late, early := yes, yes
	late.RefundedAt, early.RefundedAt = at(31), at(9)
	lostRefund(t, RefundByReversal).when(late).thenError(domain.CodeInvalid, "")
	lostRefund(t, RefundByReversal).when(early).thenError(domain.CodeInvalid, "")
	given(t, opened(FromPush)).when(yes).thenError(domain.CodeNotFound, "")
}

func TestWhenTheProviderContradictsAPersonAPersonIsTold(t *testing.T) {
	lostRefund(t, RefundByReversal).when(settled(true, "B1", "portal", 15)).
		when(saysDone("B1")).decided("RefundNoticeReceived").refund(RefundDone, "B1", 0, false).
		when(saysRefused("no")).decided("RefundNoticeReceived", "RefundNeedsAttention").refund(RefundDone, "B1", 0, true).
		when(settled(true, "B1", "asked the support", 40)).decided("RefundNoticeReceived", "RefundNeedsAttention").refund(RefundDone, "B1", 0, false).
		when(saysRefused("no")).thenNothing().
		when(saysDone("B9")).decided("RefundNoticeReceived", "RefundNeedsAttention").refund(RefundDone, "B1", 0, true).
		when(settled(false, "", "it was of another", 50)).decided("RefundNoticeReceived", "RefundFailed").refund(RefundRefused, "", 1000, false)
	lostRefund(t, RefundByPayout).when(settled(false, "", "portal", 15)).
		when(saysDone("B1")).decided("RefundNoticeReceived", "RefundCompleted", "RefundNeedsAttention").refund(RefundDone, "B1", 0, true)
	lostRefund(t, RefundByPayout).when(settled(false, "", "portal", 15)).
		when(settled(true, "B1", "the next statement", 40)).decided("RefundNoticeReceived", "RefundCompleted").refund(RefundDone, "B1", 0, false)
}

// A statement has the reversal that a person settled, under whatever receipt.
func TestAReversalThatAPersonSettledIsNotCountedTwice(t *testing.T) {
	onStatement := RecordReversal{
		Door: DoorStatement, Receipt: "B9", Original: "R1", Amount: kes(1000), ReversedAt: at(12), Raw: "{}", Digest: "line", At: at(50),
	}
	lostRefund(t, RefundByReversal).when(settled(true, "B1", "portal", 15)).
		when(onStatement).decided("RefundNoticeReceived", "RefundNeedsAttention").refund(RefundDone, "B1", 0, true)
	lostRefund(t, RefundByReversal).when(settled(false, "", "portal", 15)).
		when(onStatement).decided("RefundNoticeReceived", "RefundCompleted", "RefundNeedsAttention").refund(RefundDone, "B9", 0, true)
	lostRefund(t, RefundByReversal).when(onStatement).decided("RefundNoticeReceived", "PaymentReversed").
		when(settled(true, "B9", "portal", 60)).thenError(domain.CodeConflict, "")
	lostRefund(t, RefundByReversal).when(onStatement).when(saysDone("")).
		decided("RefundNoticeReceived", "RefundNeedsAttention").refund(RefundPending, "", -1000, true).
		when(settled(false, "", "counted as B9", 60)).refund(RefundRefused, "", 0, false)
}

// Asked after a payment, M-Pesa says that it was reversed, and not under which receipt: a statement does.
func TestAReversalWhoseReceiptWasNotToldIsNotCountedTwice(t *testing.T) {
	onStatement := RecordReversal{
		Door: DoorStatement, Receipt: "B9", Original: "R1", Amount: kes(1000), ReversedAt: at(12), Raw: "{}", Digest: "line", At: at(50),
	}
	lostRefund(t, RefundByReversal).when(saysDone("")).when(onStatement).thenNothing().refund(RefundDone, "", 0, false)
	lostRefund(t, RefundByPayout).when(saysDone("")).when(onStatement).decided("RefundNoticeReceived", "PaymentReversed")
}
