package payout

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

const ref = Reference("PAYOUT0123456789ABCDEF")

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func kes(shillings int64) money.Money { return money.Of(shillings*100, money.KES) }

func limits(merchant, shillings int64) Limits {
	return Limits{}.Evolve(PolicySet{Merchant: merchant, Currency: money.KES, Limit: shillings * 100, At: t0})
}

// toPhone asks for 1000 shillings, of which one person may pay out so many alone.
func toPhone(limit int64) Request {
	return Request{Policy: Policy{Install: limits(0, limit)}, Requested: Requested{
		Reference: ref, ID: 4, Merchant: 1, Mode: domain.ModeTest, Channel: 3, Funds: fee.OfMerchant, Amount: kes(1000),
		Destination: Destination{Kind: ToPhone, Number: "254712345678"}, RequestedBy: "key:a", At: t0,
	}}
}

func toBank(limit int64) Request {
	c := toPhone(limit)
	c.Destination = Destination{Kind: ToBank, Number: "0123456789", Bank: "Benki", Name: "Duka Ltd"}
	return c
}

// spec is one given/when/then over the events of a payout.
type spec struct {
	t      *testing.T
	state  State
	events []domain.Event
	err    error
}

func given(t *testing.T) spec { t.Helper(); return spec{t: t} }

// when carries out a command after those before it, and again: a repetition must decide nothing.
func (s spec) when(c domain.Command[State]) spec {
	s.t.Helper()
	s.events, s.err = c.Decide(s.state)
	for _, e := range s.events {
		s.state = s.state.Evolve(e)
	}
	if s.err == nil {
		if again, err := c.Decide(s.state); len(again) > 0 || err != nil {
			s.t.Errorf("%T again decided %d events, %v", c, len(again), err)
		}
	}
	return s
}

func (s spec) then(want ...string) spec {
	s.t.Helper()
	var got []string
	for _, e := range s.events {
		got = append(got, e.EventType())
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || s.err != nil {
		s.t.Errorf("failed with %v; events (-want +got):\n%s", s.err, diff)
	}
	return s
}

func (s spec) is(want Status) spec {
	s.t.Helper()
	if s.state.Status != want {
		s.t.Errorf("is %s, not %s", s.state.Status, want)
	}
	return s
}

func (s spec) fails(code domain.Code, fields ...string) spec {
	s.t.Helper()
	if domain.CodeOf(s.err) != code || len(s.events) > 0 {
		s.t.Fatalf("%v with %d events, wanted the code %d", s.err, len(s.events), code)
	}
	for _, f := range fields {
		if s.err.(*domain.Error).Fields[f] == "" { //nolint:errorlint // the domain's own, unwrapped
			s.t.Errorf("%v says nothing of %s", s.err, f)
		}
	}
	return s
}

func paid() Weigh {
	return Weigh{Door: DoorResult, Raw: "r1", Digest: "d1", Done: true, Receipt: "RCPT000001", PaidAt: at(2), At: at(3)}
}

func refused() Weigh {
	return Weigh{Door: DoorResult, Raw: "r0", Digest: "d0", Refused: true, Code: "1", FailureCode: "insufficient_funds", At: at(3)}
}

func TestASmallPayoutIsSentWithoutASecondPerson(t *testing.T) {
	s := given(t).when(toPhone(1000)).then("PayoutRequested").is(Ready).
		when(Approve{By: "key:b", At: at(1)}).fails(domain.CodeConflict).
		when(Send{At: at(1)}).then("PayoutSent").is(Pending).
		when(Accept{ConversationID: "AG_1", At: at(1)}).then("PayoutAccepted").
		when(Reject{By: "key:a", At: at(1)}).fails(domain.CodeConflict).
		when(paid()).then("PayoutNoticeReceived", "PayoutCompleted").is(Paid)
	if s.state.Receipt != "RCPT000001" || s.state.Came != kes(1000) {
		t.Errorf("%+v", s.state)
	}
}

func TestAboveTheLimitASecondPersonHasToAgree(t *testing.T) {
	given(t).when(toPhone(999)).then("PayoutRequested").is(Waiting).
		when(Send{At: at(1)}).then().
		when(Approve{By: "key:a", At: at(1)}).fails(domain.CodeForbidden).
		when(Approve{By: "key:b", At: at(1)}).then("PayoutApproved").is(Ready).
		when(Approve{By: "key:c", At: at(1)}).fails(domain.CodeConflict).
		when(Send{At: at(1)}).then("PayoutSent")
	given(t).when(toPhone(999)).when(Reject{By: "key:a", Reason: "wrong number", At: at(1)}).then("PayoutRejected").is(Stopped).
		when(Approve{By: "key:b", At: at(1)}).fails(domain.CodeConflict).
		when(Send{At: at(1)}).then()
}

func TestWhereNoPolicySaysOtherwiseEveryPayoutNeedsASecondPerson(t *testing.T) {
	c := toPhone(0)
	c.Policy = Policy{}
	given(t).when(c).is(Waiting)
	c.Policy = Policy{Own: limits(1, 0), Install: limits(0, 5000)}
	given(t).when(c).is(Waiting)
	c.Policy = Policy{Own: limits(1, 5000)}
	given(t).when(c).is(Ready)
}

func TestAnUnknownOutcomeIsNeverSentAgain(t *testing.T) {
	given(t).when(toPhone(1000)).when(Send{At: at(1)}).
		when(Lose{Detail: "no answer", At: at(2)}).then("PayoutOutcomeUnknown").is(Pending).
		when(Send{At: at(3)}).then().
		when(Flag{Why: "a day has passed", At: at(1500)}).then("PayoutNeedsAttention").
		when(Settle{Paid: false, At: at(1500)}).fails(domain.CodeInvalid, "evidence").
		when(Settle{Paid: true, Evidence: "statement, line 7", Digest: "e", At: at(1500)}).fails(domain.CodeInvalid, "receipt").
		when(Settle{Paid: false, Evidence: "not on the statement of the day", Digest: "e", At: at(1501)}).then("PayoutNoticeReceived", "PayoutFailed").is(Refused).
		when(Send{At: at(1502)}).then().
		when(paid()).then("PayoutNoticeReceived", "PayoutCompleted").is(Paid).
		when(Settle{Paid: false, Evidence: "again", Digest: "f", At: at(1503)}).fails(domain.CodeConflict)
}

func TestAPersonSaysWhenALostPayoutWasPaid(t *testing.T) {
	lost := given(t).when(toPhone(1000)).when(Send{At: at(1)}).when(Lose{Detail: "no answer", At: at(2)})
	said := Settle{Paid: true, Receipt: "SKR7I8K2LM", Evidence: "statement, line 7", Digest: "e", PaidAt: at(1501), At: at(1500)}
	lost.when(said).fails(domain.CodeInvalid, "paid_at")
	said.PaidAt = at(-1)
	lost.when(said).fails(domain.CodeInvalid, "paid_at")
	said.PaidAt = at(3)
	if s := lost.when(said).is(Paid).state; !s.PaidAt.Equal(at(3)) {
		t.Errorf("paid at %s", s.PaidAt)
	}
}

func TestNobodySettlesWhatWasNeverSent(t *testing.T) {
	given(t).when(toPhone(1000)).when(Settle{Paid: true, Receipt: "R", Evidence: "x", At: at(1)}).fails(domain.CodeConflict)
	given(t).when(toPhone(1000)).when(paid()).is(Ready)
	given(t).when(toBank(1000)).when(Settle{Paid: true, Receipt: "R", Evidence: "x", At: at(1)}).fails(domain.CodeConflict)
	given(t).when(Settle{}).fails(domain.CodeNotFound)
}

func TestATransferIsRecordedWithTheBanksReference(t *testing.T) {
	nairobi := time.FixedZone("EAT", 3*3600)
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, nairobi) }
	record := Record{By: "key:b", BankReference: "FT2606100123", ValueDate: day(2), Zone: nairobi, At: at(5)}
	future, early, nameless := record, record, record
	future.ValueDate, early.ValueDate, nameless.BankReference = day(3), day(1), "Bob's"
	first, ancient := record, record
	first.ValueDate, ancient.ValueDate = time.Date(1, 1, 1, 0, 0, 0, 0, nairobi), time.Date(1900, 1, 1, 0, 0, 0, 0, nairobi)
	s := given(t).when(toBank(999)).
		when(record).fails(domain.CodeConflict).
		when(Approve{By: "key:b", At: at(1)}).then("PayoutApproved").
		when(Send{At: at(1)}).then().
		when(future).fails(domain.CodeInvalid, "value_date").
		when(early).fails(domain.CodeInvalid, "value_date").
		when(first).fails(domain.CodeInvalid, "value_date").
		when(ancient).fails(domain.CodeInvalid, "value_date").
		when(nameless).fails(domain.CodeInvalid, "bank_reference").
		when(record).then("PayoutRecorded").is(Paid).
		when(Reject{By: "key:a", At: at(6)}).fails(domain.CodeConflict)
	if s.state.BankReference != "FT2606100123" || s.state.ValueDate != "2026-03-02" || !s.state.PaidAt.Equal(day(2)) {
		t.Errorf("%+v", s.state)
	}
	given(t).when(toPhone(1000)).when(record).fails(domain.CodeConflict)
}

// Where the merchant is, it is the next day already when a payout of the evening before, by the clock of Greenwich, is asked for.
func TestATransferIsOfTheDayOfItsRequestWhereTheMerchantIs(t *testing.T) {
	nairobi := time.FixedZone("EAT", 3*3600)
	asked := toBank(1000)
	asked.At = time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC)
	record := Record{By: "key:a", BankReference: "FT1", ValueDate: time.Date(2026, 3, 1, 0, 0, 0, 0, nairobi), Zone: nairobi, At: at(5)}
	s := given(t).when(asked).when(record).fails(domain.CodeInvalid, "value_date")
	record.ValueDate = record.ValueDate.AddDate(0, 0, 1)
	s.when(record).then("PayoutRecorded").is(Paid)
}

func TestWhatIsWrongWithADestinationIsNamed(t *testing.T) {
	for field, change := range map[string]func(*Request){
		"phone_number":   func(c *Request) { c.Destination.Number = "0712345678" },
		"till_number":    func(c *Request) { c.Destination = Destination{Kind: ToTill, Number: "12"} },
		"account_number": func(c *Request) { c.Destination = Destination{Kind: ToBank, Number: "a b", Bank: "B", Name: "N"} },
		"bank_name":      func(c *Request) { c.Destination = Destination{Kind: ToBank, Number: "1", Name: "N"} },
		"account_name":   func(c *Request) { c.Destination = Destination{Kind: ToBank, Number: "1", Bank: "B"} },
		"destination":    func(c *Request) { c.Destination = Destination{Kind: "moon"} },
		"amount":         func(c *Request) { c.Amount = money.Of(1000_50, money.KES) },
	} {
		c := toPhone(0)
		change(&c)
		given(t).when(c).fails(domain.CodeInvalid, field)
	}
	for _, a := range []money.Money{kes(9), kes(250_001), money.Of(100, "USD"), kes(0)} {
		c := toPhone(0)
		c.Amount = a
		given(t).when(c).fails(domain.CodeInvalid, "amount")
	}
}

// A crash between the reservation and the request leaves money set apart for nothing. Giving it up must not race with a
// request that was only slow.
func TestWhatWasGivenUpCannotBeRequestedAnyMore(t *testing.T) {
	given(t).when(Abandon{Reference: ref, Merchant: 1, At: at(10)}).then("PayoutAbandoned").
		when(toPhone(1000)).fails(domain.CodeConflict)
	given(t).when(toPhone(1000)).when(Abandon{Reference: ref, At: at(10)}).then().is(Ready)
}

func TestAHintShowsTooLittleToPayTo(t *testing.T) {
	for number, want := range map[domain.Personal]string{"254712345678": "*********678", "123456": "******", "1234567": "****567", "": ""} {
		if got := (Destination{Number: number}).Hint(); got != want {
			t.Errorf("%s is shown as %s", number, got)
		}
	}
}

func TestReferencesOfPayouts(t *testing.T) {
	if r, ok := ParseReference(string(ref)); !ok || r.Stream() != "payout-PAYOUT0123456789ABCDEF" {
		t.Error(r)
	}
	for _, s := range []string{"", "PAYOUT", "KIPAY0123456789ABCDEF", "PAYOUT0123456789abcdef", "PAYOUT0123456789ABCDEF0"} {
		if _, ok := ParseReference(s); ok {
			t.Errorf("%q is taken for a reference", s)
		}
	}
}

// Whatever comes, in whatever order and however often: it was paid if any word of that came, and failed if only words of
// that came; nothing is sent twice.
func TestAnyOrderAndRepetitionOfNoticesEndsInTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s State
		do := func(c domain.Command[State]) {
			events, err := c.Decide(s)
			if err != nil {
				t.Fatalf("%T: %v", c, err)
			}
			for _, e := range events {
				if e.EventType() == "PayoutSent" && s.WasSent {
					t.Fatal("sent twice")
				}
				s = s.Evolve(e)
			}
		}
		do(toPhone(1000))
		do(Send{At: at(1)})
		notices := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 12).Draw(t, "notices")
		wasPaid, wasRefused := false, false
		for i, n := range notices {
			switch n {
			case 0:
				wasPaid = true
				do(paid())
			case 1:
				wasRefused = true
				do(refused())
			case 2:
				charge := kes(22)
				w := paid()
				w.Door, w.Charge, w.Digest = DoorStatus, &charge, fmt.Sprint("s", i)
				wasPaid = true
				do(w)
			case 3:
				do(Lose{Detail: "x", At: at(i)})
			case 4:
				do(Accept{ConversationID: "AG", At: at(i)})
			case 5:
				do(Flag{Why: "x", At: at(i)})
			case 6:
				do(Send{At: at(i)})
			}
		}
		want := map[bool]Status{true: Paid, false: Pending}[wasPaid]
		if !wasPaid && wasRefused {
			want = Refused
		}
		if s.Status != want || s.Holds() == (want == Refused) {
			t.Fatalf("is %s, not %s", s.Status, want)
		}
	})
}

func TestWordThatItWasNotPaidAfterWordThatItWasIsForAPerson(t *testing.T) {
	done := Weigh{Door: DoorResult, Raw: "{1}", Digest: "1", Done: true, Receipt: "SKR7I8K2LM", PaidAt: at(2), At: at(2)}
	s := given(t).when(toPhone(1000)).when(Send{At: at(1)}).when(done).when(Weigh{Door: DoorStatus, Raw: "{2}", Digest: "2", Refused: true, Reason: "Declined", At: at(3)})
	if s.state.Status != Paid || s.state.Attention == "" {
		t.Fatalf("it is %s, %q", s.state.Status, s.state.Attention)
	}
	if w := s.when(Settle{Evidence: "the statement", Digest: "3", At: at(4)}); w.err != nil || w.state.Status != Refused || w.state.Attention != "" || w.state.Holds() {
		t.Errorf("a person found it not paid: %+v, %v", w.state, w.err)
	} else if again := w.when(done); again.state.Status != Refused {
		t.Errorf("what was weighed is weighed again: it is %s", again.state.Status)
	}
	if w := s.when(Settle{Paid: true, Receipt: "SKR7I8K2LM", Evidence: "the statement", Digest: "4", At: at(4)}); w.err != nil || w.state.Status != Paid || w.state.Attention != "" {
		t.Errorf("a person found it paid: %+v, %v", w.state, w.err)
	}
	if _, err := (Settle{Paid: true, Receipt: "SKR7I8K2LN", Evidence: "the statement", Digest: "5", At: at(4)}).Decide(s.state); domain.CodeOf(err) != domain.CodeConflict {
		t.Errorf("under another receipt: %v", err)
	}
}
