package transaction

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain/money"
)

// exampleOf is each kind of evidence as it comes, about a push of KES 1,000.
func exampleOf(k Kind) []Weigh {
	switch k {
	case NoNews, UnconfirmedIn:
		all := []Weigh{{Evidence: Evidence{Door: DoorStkQuery, Kind: k, Attempt: 1, Code: "4999"}, At: at(9)}}
		if k == UnconfirmedIn {
			all[0].Door, all[0].Receipt, all[0].Amount = DoorC2BOpen, "R9", kes(1000)
		}
		return all
	case ClockRanOut:
		return []Weigh{failing(k, FailureExpired, 9)}
	case FailedByQuery, FailedByNotice:
		return []Weigh{failing(k, "1032", 9), failing(k, "1", 9), failing(k, "9999", 9)}
	case ConfirmedPaid:
		return []Weigh{confirmed(9)}
	case ReceiptGiven:
		return []Weigh{paid("R9", kes(1000), 9), paid("R9", kes(1000), 9).through(DoorC2B), paid("R9", kes(1500), 9)}
	}
	return nil
}

// storiesOf are the ways in which a push gets to a status.
func storiesOf(status Status) map[string][]Weigh {
	cancelled, byQuery, clock := failing(FailedByNotice, "1032", 3), failing(FailedByQuery, "1037", 3), failing(ClockRanOut, FailureExpired, 6)
	receipt := paid("R1", kes(1000), 4)
	switch status {
	case StatusPending:
		return map[string][]Weigh{"": {}}
	case StatusFailed:
		return map[string][]Weigh{
			"by notice": {cancelled}, "by query": {byQuery}, "by the clock": {clock}, "by all": {clock, byQuery, cancelled},
		}
	case StatusCompleted:
		return map[string][]Weigh{
			"by receipt": {receipt}, "by query": {confirmed(4)}, "by both": {confirmed(4), receipt}, "after failing": {cancelled, receipt},
			"after the clock ran out": {clock, confirmed(7)},
		}
	}
	return nil
}

func TestWeighObeysEveryLineOfTheTable(t *testing.T) {
	for i, rule := range Rules {
		if rule.Kind != Kind(i) {
			t.Fatalf("line %d is about kind %d: the table must be in the order of weight", i, rule.Kind)
		}
		if rule.Name == "" || rule.Sources == "" || rule.Why == "" || len(exampleOf(rule.Kind)) == 0 {
			t.Errorf("line %d (%s) is incomplete", i, rule.Name)
		}
		for from, to := range map[Status]Status{StatusPending: rule.Pending, StatusFailed: rule.Failed, StatusCompleted: rule.Completed} {
			for story, events := range storiesOf(from) {
				for _, evidence := range exampleOf(rule.Kind) {
					t.Run(rule.Name+"/"+string(from)+"/"+story, func(t *testing.T) {
						s := given(t, push()...)
						for _, e := range events {
							s = s.when(e)
						}
						if got := s.after.Status(); got != from {
							t.Fatalf("the story leads to %s", got)
						}
						if got := s.when(evidence).after.Status(); got != to {
							t.Errorf("%s from %s leads to %s; the table says %s", rule.Name, from, got, to)
						}
					})
				}
			}
		}
	}
}

func TestTheTableIsMonotone(t *testing.T) {
	weight := map[Status]int{StatusPending: 0, StatusFailed: 1, StatusCompleted: 2}
	for _, rule := range Rules {
		for from, to := range map[Status]Status{StatusPending: rule.Pending, StatusFailed: rule.Failed, StatusCompleted: rule.Completed} {
			if weight[to] < weight[from] {
				t.Errorf("%s leads from %s back to %s", rule.Name, from, to)
			}
		}
	}
}

func TestLastKindIsTheHeaviest(t *testing.T) {
	if len(Rules) != int(ReceiptGiven)+1 {
		t.Errorf("%d lines for %d kinds of evidence", len(Rules), ReceiptGiven+1)
	}
}

func TestFailureOfACheckoutFailsTheAttemptOnly(t *testing.T) {
	for _, kind := range []Kind{ClockRanOut, FailedByQuery, FailedByNotice} {
		f := failing(kind, "1032", 3)
		given(t, checkout()...).when(f).then(f.failedEvent()).so(StatusPending, "failure_1032", 0, 0)
	}
}

func TestNoNewsDecidesNothing(t *testing.T) {
	for name, c := range map[string]Weigh{
		"still processing":               exampleOf(NoNews)[0],
		"unconfirmed notice of money":    exampleOf(UnconfirmedIn)[0],
		"a kind that nobody knows":       {Evidence: Evidence{Kind: 99, Attempt: 1}, At: at(2)},
		"a success without receipt":      paid("", kes(1000), 2),
		"a success without amount":       paid("R1", kes(0), 2),
		"a success of a negative amount": paid("R1", kes(-1000), 2),
		"a success without any amount":   paid("R1", money.Money{}, 2),
	} {
		t.Run(name, func(t *testing.T) { given(t, push()...).when(c).thenNothing().so(StatusPending, "", 0, 0) })
	}
}

func TestSuccessAfterAFailureCompletes(t *testing.T) {
	success := paid("R1", kes(1000), 9)
	for name, f := range map[string]Weigh{
		"by notice": failing(FailedByNotice, "1032", 3), "by query": failing(FailedByQuery, "1037", 3),
		"by the clock": failing(ClockRanOut, FailureExpired, 6),
	} {
		t.Run(name, func(t *testing.T) {
			given(t, push()...).when(f).then(f.failedEvent(), f.failedForGood()).
				when(success).then(success.receivedEvent(kes(1000), kes(0)), success.completedEvent(kes(1000))).
				so(StatusCompleted, "", 1000, 0)
		})
	}
}

func TestConfirmationAfterAFailureCompletes(t *testing.T) {
	c := confirmed(9)
	done := Completed{Reference: ref, Received: kes(1000), Method: MethodMpesaSTK, PaidAt: at(9), At: at(9)}
	given(t, push()...).when(failing(FailedByNotice, "1032", 3)).
		when(c).then(c.confirmedEvent(kes(1000), kes(0)), done).so(StatusCompleted, "", 1000, 0)
}

func TestFailureAfterASuccessIsKeptAndChangesNothing(t *testing.T) {
	f := failing(FailedByNotice, "1032", 9)
	given(t, push()...).when(paid("R1", kes(1000), 3)).when(f).then(f.failedEvent()).so(StatusCompleted, "", 1000, 0)
	given(t, push()...).when(confirmed(3)).when(f).then(f.failedEvent()).so(StatusCompleted, "", 1000, 0)
}

func TestRepeatedSuccessAppendsNothing(t *testing.T) {
	late := paid("R1", kes(1000), 30)
	late.Digest = "another"
	given(t, push()...).when(paid("R1", kes(1000), 3)).when(late).thenNothing().so(StatusCompleted, "", 1000, 0)
	given(t, push()...).when(confirmed(3)).when(confirmed(30)).thenNothing().so(StatusCompleted, "", 1000, 0)
}

func TestNoticeGivesTheReasonThatIsShown(t *testing.T) {
	query, notice := failing(FailedByQuery, "1", 3), failing(FailedByNotice, "1032", 4)
	given(t, push()...).when(query).when(notice).then(notice.failedEvent()).so(StatusFailed, "failure_1032", 0, 0)
	given(t, push()...).when(notice).when(query).thenNothing().so(StatusFailed, "failure_1032", 0, 0)
}

func TestContradictingFailuresShowTheSameReasonInEitherOrder(t *testing.T) {
	a, b := failing(FailedByNotice, "1", 3), failing(FailedByNotice, "1032", 4)
	given(t, push()...).when(a).when(b).thenNothing().so(StatusFailed, "failure_1", 0, 0)
	given(t, push()...).when(b).when(a).then(a.failedEvent()).so(StatusFailed, "failure_1", 0, 0)
}

func TestReceiptAfterAConfirmationNamesTheMoneyAndCreditsNothingMore(t *testing.T) {
	r := paid("R1", kes(1000), 9)
	s := given(t, push()...).when(confirmed(3)).when(r).then(r.receivedEvent(kes(0), kes(0))).so(StatusCompleted, "", 1000, 0)
	if s.after.Receipt() != "R1" {
		t.Errorf("receipt is %q", s.after.Receipt())
	}
}

func TestConfirmationAfterAReceiptCreditsNothingMore(t *testing.T) {
	c := confirmed(9)
	given(t, push()...).when(paid("R1", kes(1000), 3)).when(c).then(c.confirmedEvent(kes(0), kes(0))).so(StatusCompleted, "", 1000, 0)
}

func TestEvidenceCountsForAnOlderAttempt(t *testing.T) {
	r := paid("R1", kes(1000), 14)
	given(t, checkout(pushed(2), accepted(2))...).when(r).
		then(r.receivedEvent(kes(1000), kes(0)), r.completedEvent(kes(1000))).so(StatusCompleted, "", 1000, 0)
}

func TestMethodIsThePushThroughWhicheverDoorTheReceiptCame(t *testing.T) {
	c2b := paid("R1", kes(1000), 3).through(DoorC2B)
	c2b.Method = MethodMpesaC2B
	for _, order := range [][]Weigh{{c2b, paid("R1", kes(1000), 4)}, {paid("R1", kes(1000), 4), c2b}} {
		s := given(t, push()...).when(order[0]).when(order[1]).thenNothing().so(StatusCompleted, "", 1000, 0)
		if got := s.after.Method(); got != MethodMpesaSTK {
			t.Errorf("method is %s", got)
		}
	}
}

func TestReferencesHaveAFormAndNothingElseIsAStream(t *testing.T) {
	random := make([]byte, ReferenceChars)
	for i := range random {
		random[i] = byte(i * 17)
	}
	r := NewReference(MpesaPrefix, random)
	if got, ok := ParseReference(string(r)); !ok || got != r {
		t.Errorf("ParseReference(%q) = %q, %v", r, got, ok)
	}
	if diff := cmp.Diff("transaction-"+string(r), r.Stream()); diff != "" {
		t.Error(diff)
	}
	for _, s := range []string{
		"", "KIPAY", "KIPAY012345678901234", "kipay0123456789abcdef", "OTHER0123456789ABCDEF", "KIPAY0123456789ABCDE-",
		"KIPAY0123456789ABCDE\x00", "KIPAY0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", "KIPAY0123456789ABCDÉF",
		"MPESA 123456789ABCDEF",
	} {
		if r, ok := ParseReference(s); ok {
			t.Errorf("ParseReference(%q) = %q", s, r)
		}
	}
}

func FuzzReference(f *testing.F) {
	for _, s := range []string{"KIPAY0123456789ABCDEF", "MPESAZZZZZZZZZZZZZZZZ", "KIPAY", "", "transaction-", "KIPAY0123456789ABCDE\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseReference(s)
		if !ok {
			if r != "" {
				t.Fatalf("refused %q, yet answered %q", s, r)
			}
			return
		}
		if string(r) != s || len(s) > 40 || len(s) < 21 {
			t.Fatalf("took %q as %q", s, r)
		}
		for _, c := range s {
			if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
				t.Fatalf("took %q", s)
			}
		}
	})
}
