package dispute

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func kes(minor int64) money.Money { return money.Of(minor, money.KES) }

// said is a notice: how it stood at a minute of the provider's clock.
func said(status Status, minute int, door Door) Weigh {
	w := Weigh{
		Open: Opened{
			Merchant: 1, Mode: domain.ModeTest, Channel: 3, Provider: "paystack", ID: 624, Reference: "KIPAY0123456789ABCDEF", Attempt: 1,
			ProviderReference: "KIPAY0123456789ABCDEF-1", Amount: kes(391_00), Category: "chargeback", DueAt: at(4320), Status: status, Door: door,
			AsOf: at(minute), OpenedAt: t0, Subject: "customer-4f1c", At: at(minute + 1),
		},
		Raw: fmt.Sprintf(`{"status":%q,"minute":%d}`, status, minute), Digest: fmt.Sprintf("%s-%d-%s", status, minute, door),
	}
	if status.Final() {
		w.Open.Status, w.Ended, w.ResolvedAt, w.Resolution = UnderReview, status, at(minute), "auto-accepted"
	}
	return w
}

func carryOut(t interface{ Fatalf(string, ...any) }, s State, c domain.Command[State]) (State, []domain.Event) {
	events, err := c.Decide(s)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s, events
}

func given(t *testing.T, commands ...domain.Command[State]) State {
	t.Helper()
	var s State
	for _, c := range commands {
		s, _ = carryOut(t, s, c)
	}
	return s
}

func names(events []domain.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.EventType())
	}
	return out
}

func TestADisputeIsOpenedByWhateverIsHeardFirst(t *testing.T) {
	_, events := carryOut(t, State{}, said(NeedsResponse, 0, DoorWebhook))
	if diff := cmp.Diff([]string{"DisputeOpened", "DisputeNoticeReceived"}, names(events)); diff != "" {
		t.Error(diff)
	}
	s, events := carryOut(t, State{}, said(Lost, 9, DoorList))
	if diff := cmp.Diff([]string{"DisputeOpened", "DisputeNoticeReceived", "DisputeResolved"}, names(events)); diff != "" {
		t.Error(diff)
	}
	if s.Status != Lost || s.Returned != kes(391_00) {
		t.Errorf("%+v", s)
	}
}

func TestAReminderIsRecordedAndARepetitionIsNot(t *testing.T) {
	s := given(t, said(NeedsResponse, 0, DoorWebhook))
	remind := said(NeedsResponse, 0, DoorWebhook)
	remind.Reminder, remind.Digest = true, "reminder"
	s, events := carryOut(t, s, remind)
	if diff := cmp.Diff([]string{"DisputeNoticeReceived", "DisputeReminded"}, names(events)); diff != "" {
		t.Error(diff)
	}
	if _, events := carryOut(t, s, remind); len(events) > 0 {
		t.Errorf("again: %v", names(events))
	}
	if _, events := carryOut(t, s, said(NeedsResponse, 0, DoorList)); len(events) > 0 {
		t.Errorf("our own question brought nothing new, and is kept: %v", names(events))
	}
}

func TestADisputeAboutAStrangersPaymentIsForAPerson(t *testing.T) {
	w := said(NeedsResponse, 0, DoorWebhook)
	w.Open.Reference, w.Open.ProviderReference = "", "ORDER-17"
	if s := given(t, w); s.Known() || s.Attention != WhyUnknown {
		t.Errorf("%+v", s)
	}
}

func TestWhatEndsWithoutSayingWhoHasTheMoneyIsForAPerson(t *testing.T) {
	if s := given(t, said(NeedsResponse, 0, DoorWebhook), said(Closed, 9, DoorWebhook)); s.Attention == "" || s.Returned.Minor != 0 {
		t.Errorf("closed: %+v", s)
	}
	silent := said(Lost, 9, DoorWebhook)
	silent.Open.Amount = money.Money{}
	if s := given(t, silent); s.Attention == "" {
		t.Errorf("lost, with no amount: %+v", s)
	}
	s := given(t, said(Lost, 9, DoorWebhook), said(Won, 20, DoorFetch))
	if s.Status != Lost || s.Attention == "" {
		t.Errorf("two ends: %+v", s)
	}
}

// Webhooks come in any order, twice, or not at all: what the last of them says is what counts, by the provider's clock.
func TestInWhateverOrderADisputeIsHeardOfItEndsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var story []Weigh
		minute := 0
		for range rapid.IntRange(1, 5).Draw(t, "turns") {
			minute += rapid.IntRange(1, 100).Draw(t, "minutes")
			w := said(rapid.SampledFrom([]Status{NeedsResponse, UnderReview}).Draw(t, "status"), minute, DoorWebhook)
			w.Open.DueAt = at(minute + 4320)
			w.Reminder = rapid.Bool().Draw(t, "reminder")
			story = append(story, w)
		}
		end := rapid.SampledFrom([]Status{"", Won, Lost, Closed}).Draw(t, "end")
		if end != "" {
			story = append(story, said(end, minute+1, DoorWebhook))
		}
		var inOrder State
		for _, w := range story {
			inOrder, _ = carryOut(t, inOrder, w)
		}
		shuffled := rapid.Permutation(append(story, story...)).Draw(t, "heard")
		var s State
		opened, resolved := 0, 0
		for _, w := range shuffled {
			var events []domain.Event
			s, events = carryOut(t, s, w)
			for _, e := range events {
				switch e.(type) {
				case Opened:
					opened++
				case Resolved:
					resolved++
				}
			}
			if _, again := carryOut(t, s, w); len(again) > 0 {
				t.Fatalf("a repetition decides %v", names(again))
			}
		}
		if s.Status != inOrder.Status || s.Returned != inOrder.Returned || !s.Status.Final() && !s.DueAt.Equal(inOrder.DueAt) {
			t.Fatalf("%s, due %s, %s back; in order it is %s, due %s, %s back", s.Status, s.DueAt, s.Returned, inOrder.Status, inOrder.DueAt, inOrder.Returned)
		}
		if want := map[bool]int{true: 1}[end != ""]; opened != 1 || resolved != want {
			t.Fatalf("opened %d times, resolved %d times", opened, resolved)
		}
	})
}

func TestADisputeIsAnsweredOnce(t *testing.T) {
	s := given(t, said(NeedsResponse, 0, DoorWebhook))
	accept := RequestAnswer{Answer: Accept, Amount: kes(391_00), Message: "sorry", At: at(5)}
	s, events := carryOut(t, s, accept)
	if len(events) != 1 {
		t.Fatalf("%v", names(events))
	}
	if _, again := carryOut(t, s, accept); len(again) > 0 {
		t.Errorf("a twin announces it again: %v", names(again))
	}
	decline := RequestAnswer{Answer: Decline, Amount: kes(0), At: at(6)}
	if _, err := decline.Decide(s); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("another answer: %v", err)
	}
	// What was lost is asked after, and not sent again.
	s, _ = carryOut(t, s, SettleAnswer{N: 1, Outcome: Unknown, Reason: "timeout", At: at(7)})
	if _, again := carryOut(t, s, accept); len(again) > 0 {
		t.Errorf("a lost answer is announced again: %v", names(again))
	}
	// What was refused may be answered otherwise.
	s, _ = carryOut(t, s, SettleAnswer{N: 1, Outcome: Refused, FailureCode: "dispute_not_found", Reason: "no", At: at(8)})
	s, _ = carryOut(t, s, decline)
	if a, _ := s.LastAnswer(); a.N != 2 || a.Answer != Decline {
		t.Errorf("%+v", a)
	}
	if _, again := carryOut(t, s, SettleAnswer{N: 2, Outcome: Taken, At: at(9)}); len(again) != 1 {
		t.Errorf("%v", names(again))
	}
}

func TestNothingIsAnsweredOutOfTurn(t *testing.T) {
	for name, s := range map[string]State{
		"under review": given(t, said(NeedsResponse, 0, DoorWebhook), said(UnderReview, 5, DoorWebhook)),
		"ended":        given(t, said(Won, 5, DoorWebhook)),
	} {
		if _, err := (RequestAnswer{Answer: Decline, At: at(6)}).Decide(s); domain.CodeOf(err) != domain.CodeConflict {
			t.Errorf("%s: answer: %v", name, err)
		}
		if _, err := (GiveEvidence{EvidenceGiven{Digest: "d", At: at(6)}}).Decide(s); domain.CodeOf(err) != domain.CodeConflict {
			t.Errorf("%s: evidence: %v", name, err)
		}
	}
	s := given(t, said(NeedsResponse, 0, DoorWebhook))
	for _, amount := range []money.Money{kes(0), kes(-1), kes(391_01), money.Of(100, money.USD)} {
		if _, err := (RequestAnswer{Answer: Accept, Amount: amount, At: at(6)}).Decide(s); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("%s: %v", amount, err)
		}
	}
	if _, err := (RequestAnswer{Answer: Decline, At: at(6)}).Decide(State{}); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("of no dispute: %v", err)
	}
}

func TestEvidenceIsGivenOnceAndMayBeTriedAgain(t *testing.T) {
	s := given(t, said(NeedsResponse, 0, DoorWebhook))
	give := GiveEvidence{EvidenceGiven{CustomerName: "Ann", Digest: "d", At: at(5)}}
	s, _ = carryOut(t, s, give)
	if _, again := carryOut(t, s, give); len(again) > 0 {
		t.Errorf("%v", names(again))
	}
	s, _ = carryOut(t, s, SettleEvidence{N: 1, FailureCode: "provider_unreachable", Reason: "no answer", At: at(6)})
	s, events := carryOut(t, s, give)
	if len(events) != 1 || s.Evidence[1].N != 2 {
		t.Errorf("%v %+v", names(events), s.Evidence)
	}
	s, _ = carryOut(t, s, SettleEvidence{N: 2, ProviderID: "21", Upload: "file", At: at(7)})
	s, _ = carryOut(t, s, GiveEvidence{EvidenceGiven{CustomerName: "Ann", ServiceDetails: "shoes", Digest: "e", At: at(8)}})
	s, _ = carryOut(t, s, SettleEvidence{N: 3, ProviderID: "22", At: at(9)})
	if upload, id := s.Upload(); upload != "file" || id != "22" {
		t.Errorf("%q %q", upload, id)
	}
}

func TestAReceiptOfADisputeNamesIt(t *testing.T) {
	if id, ok := FromReceipt(Receipt(624)); !ok || id != 624 {
		t.Errorf("%d %v", id, ok)
	}
	for _, other := range []string{"refund-624", "dispute-", "dispute-x", "NLJ7RT61SV", ""} {
		if _, ok := FromReceipt(other); ok {
			t.Errorf("%q is one", other)
		}
	}
}
