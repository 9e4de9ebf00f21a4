package transaction

import (
	"fmt"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// story is a transaction that was asked for and all that will ever be said about it, in no order.
type story struct {
	opened []domain.Event
	said   []domain.Command[State]
}

// genStory draws one to three attempts, the answer to each push (accepted, rejected, lost, none), and any evidence:
// receipts with right and wrong amounts, failures by both doors, confirmations, no news, expiry.
func genStory(t *rapid.T) story {
	origin := rapid.SampledFrom([]Origin{FromPush, FromCheckout}).Draw(t, "origin")
	st := story{opened: []domain.Event{opened(origin)}}
	attempts := 1
	if origin == FromCheckout {
		attempts = rapid.IntRange(1, 3).Draw(t, "attempts")
	}
	for n := 1; n <= attempts; n++ {
		if origin == FromCheckout && rapid.IntRange(0, 3).Draw(t, "card") == 0 {
			st.opened = append(st.opened, CardCheckoutRequested{Reference: ref, Attempt: n, ProviderReference: fmt.Sprint("p", n), At: at(10 * (n - 1))})
			continue
		}
		st.opened = append(st.opened, pushed(n))
		switch rapid.SampledFrom([]string{"accepted", "rejected", "lost", "crashed"}).Draw(t, "answer") {
		case "accepted":
			st.said = append(st.said, AcceptPush{Attempt: n, MerchantRequestID: "mr", CheckoutRequestID: checkoutID(n), Raw: "{}", At: at(30)})
		case "rejected":
			code := rapid.SampledFrom([]string{"400.002.02", "500.003.02", "1"}).Draw(t, "refusal")
			st.said = append(st.said, RejectPush{Attempt: n, Code: code, FailureCode: "failure_" + code, Reason: "reason " + code, At: at(30)})
		case "lost":
			st.said = append(st.said, LosePush{Attempt: n, Detail: "timeout", At: at(30)})
		}
	}
	st.said = append(st.said, genEvidence(t, fold(State{}, st.opened...))...)
	return st
}

// receipts are what the provider could name; each has one amount and one attempt, whichever door it comes through.
var receiptAmounts = []money.Money{kes(1000), kes(1000), kes(400), kes(600), kes(1500), money.Of(1, money.KES), money.Of(100_000, money.USD)}

// doorsOf are the doors through which the provider of an attempt speaks of money.
var doorsOf = map[Method]map[Door]Method{
	MethodMpesaSTK: {DoorStkCallback: MethodMpesaSTK, DoorC2B: MethodMpesaC2B, DoorStkQuery: MethodMpesaSTK},
	MethodCard:     {DoorCardWebhook: MethodCard, DoorCardVerify: MethodCard},
}

func genEvidence(t *rapid.T, s State) []domain.Command[State] {
	var out []domain.Command[State]
	attempt := rapid.IntRange(1, len(s.Attempts))
	money := rapid.SampledFrom([]string{"none", "none", "too little", "one", "any"}).Draw(t, "money")
	receipts := 0
	for r, amount := range receiptAmounts {
		little := amount.Minor < kes(1000).Minor || amount.Currency != "KES"
		if money == "none" || (money == "too little" && !little) || !rapid.Bool().Draw(t, "paid") ||
			(money == "one" && receipts == 1) {
			continue
		}
		receipts++
		n := attempt.Draw(t, "pays attempt")
		w := paid(fmt.Sprint("R", r), amount, 20).of(n)
		w.PaidAt = at(rapid.IntRange(1, 3).Draw(t, "paid at"))
		a, _ := s.Attempt(n)
		for _, d := range []Door{DoorStkCallback, DoorC2B, DoorStkQuery, DoorCardWebhook, DoorCardVerify} {
			method, speaks := doorsOf[a.Method][d]
			if !speaks || !rapid.Bool().Draw(t, "through "+string(d)) {
				continue
			}
			w := w.through(d)
			w.Method = method
			if d == DoorStkCallback {
				w = w.naming(checkoutID(n))
			}
			out = append(out, w)
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "failures") {
		kind := rapid.SampledFrom([]Kind{FailedByQuery, FailedByNotice, ClockRanOut}).Draw(t, "failure kind")
		code := FailureExpired
		if kind != ClockRanOut {
			code = rapid.SampledFrom([]string{"1", "1032", "1037", "SFC_IC0003"}).Draw(t, "code")
		}
		w := failing(kind, code, 20).of(attempt.Draw(t, "fails attempt"))
		if kind == ClockRanOut {
			w.FailureCode, w.Reason = FailureExpired, windowOver(1, 0).Reason
		}
		out = append(out, w)
	}
	for range rapid.IntRange(0, 2).Draw(t, "confirmations") {
		if money != "any" && money != "one" {
			break
		}
		out = append(out, confirmed(20).of(attempt.Draw(t, "confirms attempt")))
	}
	for range rapid.IntRange(0, 2).Draw(t, "no news") {
		w := exampleOf(rapid.SampledFrom([]Kind{NoNews, UnconfirmedIn}).Draw(t, "which"))[0]
		out = append(out, w.of(attempt.Draw(t, "no news of attempt")))
	}
	if rapid.Bool().Draw(t, "expires") {
		out = append(out, Expire{At: at(120)})
	}
	return out
}

// public is all that merchants, finance and the read model see of it, except for when things were recorded.
func public(s State) string {
	code, reason, _ := s.Failure()
	receipts := make([]string, 0, len(s.Payments))
	for _, p := range s.Payments {
		receipts = append(receipts, fmt.Sprint(p.Receipt, "=", p.Amount.Format(), "@", p.Attempt))
	}
	kinds := map[ConflictKind]bool{}
	for _, c := range s.Conflicts {
		kinds[c.Kind] = true
	}
	return fmt.Sprintf("%s failure=%q %q receipts=%v first=%s paid_at=%s method=%s received=%s credited=%s surplus=%s conflicts=%v",
		s.Status(), code, reason, receipts, s.Receipt(), paidAt(s), s.Method(), s.Received(), s.Credited, s.Surplus, sortedKinds(kinds))
}

// paidAt is empty where only our own question brought the news: that is the time of the answer.
func paidAt(s State) string {
	if len(s.Payments) == 0 {
		return ""
	}
	return s.PaidAt().String()
}

func sortedKinds(kinds map[ConflictKind]bool) []string {
	out := make([]string, 0, len(kinds))
	for k := range kinds {
		out = append(out, string(k))
	}
	sort.Strings(out)
	return out
}

// deliver lets everything be said in some order, with repetitions, and with answers that were decided and then lost
// before they were written, which are said again.
func deliver(t *rapid.T, name string, st story) State {
	t.Helper()
	order := rapid.Permutation(st.said).Draw(t, name)
	for range rapid.IntRange(0, 6).Draw(t, name+" repeats") {
		if len(order) == 0 {
			break
		}
		what := order[rapid.IntRange(0, len(order)-1).Draw(t, name+" repeated")]
		order = append(order, what)
		last := len(order) - 1
		to := rapid.IntRange(0, last).Draw(t, name+" at")
		order[to], order[last] = order[last], order[to]
	}
	s := fold(State{}, st.opened...)
	for i, c := range order {
		again := false
		for _, later := range order[i+1:] {
			again = again || cmp.Equal(c, later)
		}
		if again && rapid.Bool().Draw(t, name+" lost") {
			continue
		}
		before, frozen := s, clone(s)
		events, err := c.Decide(s)
		if err != nil {
			t.Fatalf("%s: %T failed with %v", name, c, err)
		}
		s = fold(s, events...)
		if diff := cmp.Diff(frozen, before, cmp.AllowUnexported(State{})); diff != "" {
			t.Fatalf("%s: %T changed the state that it was decided from:\n%s", name, c, diff)
		}
		holds(t, before, s, events)
		if rapid.IntRange(0, 9).Draw(t, name+" refold") == 0 {
			s = clone(s)
		}
	}
	return s
}

func TestAnyOrderRepetitionAndLossOfTheSameEvidenceEndsInTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := genStory(t)
		one, other := public(deliver(t, "one", st)), public(deliver(t, "other", st))
		if one != other {
			t.Fatalf("the order mattered:\n%s\n%s", one, other)
		}
	})
}

func TestAReplayOfTheEventsIsTheStateThatTheyWereDecidedFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := genStory(t)
		log := append([]domain.Event(nil), st.opened...)
		s := fold(State{}, log...)
		for _, c := range rapid.Permutation(st.said).Draw(t, "order") {
			events, err := c.Decide(s)
			if err != nil {
				t.Fatalf("%T failed with %v", c, err)
			}
			log = append(log, events...)
			s = fold(s, events...)
		}
		if diff := cmp.Diff(s, fold(State{}, log...), cmp.AllowUnexported(State{})); diff != "" {
			t.Fatalf("replayed (-live +replayed):\n%s", diff)
		}
		credited, surplus := money.Of(0, money.KES), money.Of(0, money.KES)
		receipts := map[string]int{}
		for _, e := range log {
			switch e := e.(type) {
			case PaymentReceived:
				credited, surplus = credited.Add(e.Credited), surplus.Add(e.Surplus)
				receipts[e.Receipt]++
			case PaymentConfirmed:
				credited, surplus = credited.Add(e.Credited), surplus.Add(e.Surplus)
			}
		}
		if credited != s.Credited || surplus != s.Surplus || credited.Add(surplus) != s.Received() {
			t.Fatalf("the events sum up to %s + %s; the state says %s + %s of %s", credited, surplus, s.Credited, s.Surplus, s.Received())
		}
		for r, n := range receipts {
			if n != 1 {
				t.Fatalf("receipt %s stands %d times in the log", r, n)
			}
		}
	})
}

// clone shares no memory with s.
func clone(s State) State {
	c := s
	c.Attempts = append([]Attempt(nil), s.Attempts...)
	for i, a := range c.Attempts {
		if a.Failure != nil {
			f := *a.Failure
			c.Attempts[i].Failure = &f
		}
	}
	c.Payments = append([]Payment(nil), s.Payments...)
	c.Conflicts = append([]Conflict(nil), s.Conflicts...)
	c.digests = append([]string(nil), s.digests...)
	return c
}

func TestEvolveSharesNoMemoryWithItsBranches(t *testing.T) {
	next := []domain.Event{
		pushed(4), accepted(1), lost(2), windowOver(1, 9), windowOver(2, 9), failing(FailedByNotice, "1", 9).failedEvent(),
		paid("R8", kes(5), 9).receivedEvent(kes(0), kes(5)), paid("R9", kes(7), 9).naming("x").receivedEvent(kes(0), kes(7)),
		confirmed(9).confirmedEvent(kes(0), kes(0)), confirmed(9).of(2).confirmedEvent(kes(0), kes(0)),
		CallbackReceived{Digest: "x"},
		CallbackReceived{Digest: "y"},
		Conflicted{Kind: ConflictAmount},
		Conflicted{Kind: ConflictCurrency},
		Expired{At: at(9)},
		Failed{At: at(9)},
		Completed{At: at(9)},
		Merged{Credited: kes(0), Surplus: kes(0)},
		CardCheckoutRequested{Attempt: 4},
		CardCheckoutOpened{Attempt: 3},
	}
	rapid.Check(t, func(t *rapid.T) {
		st := genStory(t)
		root := deliver(t, "order", st)
		first := rapid.SampledFrom(next).Draw(t, "first")
		frozenRoot := clone(root)
		left := root.Evolve(first)
		frozen := clone(left)
		for range 3 {
			root.Evolve(rapid.SampledFrom(next).Draw(t, "sibling"))
			left.Evolve(rapid.SampledFrom(next).Draw(t, "child"))
		}
		for what, pair := range map[string][2]State{"root": {frozenRoot, root}, "left": {frozen, left}} {
			if diff := cmp.Diff(pair[0], pair[1], cmp.AllowUnexported(State{})); diff != "" {
				t.Fatalf("%s changed:\n%s", what, diff)
			}
		}
	})
}

func TestC2BInAnyOrderEndsInTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := []domain.Command[State]{arrival(DoorC2B, kes(250), 4)}
		for range rapid.IntRange(0, 4).Draw(t, "notices at the open URL") {
			said = append(said, arrival(DoorC2BOpen, kes(rapid.Int64Range(1, 3).Draw(t, "claims")*125), 4))
		}
		said = append(said, said[rapid.IntRange(0, len(said)-1).Draw(t, "repeated")], Expire{At: at(900)})
		s := State{}
		for _, c := range rapid.Permutation(said).Draw(t, "order") {
			before := s
			events, err := c.Decide(s)
			if err != nil {
				t.Fatalf("%T failed with %v", c, err)
			}
			s = fold(s, events...)
			holds(t, before, s, events)
		}
		want := `completed failure="" "" receipts=[R1=KES 250.00@0] first=R1 paid_at=` + at(1).String() +
			` method=mpesa_c2b received=250 credited=250 surplus=0 conflicts=[]`
		if got := public(s); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}
