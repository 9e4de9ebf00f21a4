package receipt

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func claim(transaction string, asked bool) Claim {
	return Claim{Provider: "mpesa", Number: "R1", Transaction: transaction, Attempt: 1, Door: "stk_callback", Asked: asked, At: t0}
}

func claimed(transaction string) Claimed {
	return Claimed{Provider: "mpesa", Number: "R1", Transaction: transaction, Attempt: 1, Door: "stk_callback", At: t0}
}

func reassigned(from, to string) Reassigned {
	return Reassigned{Provider: "mpesa", Number: "R1", From: from, To: to, Attempt: 1, Door: "stk_callback", At: t0}
}

// confirmation is one at the channel's own URL, which drew this transaction.
func confirmation(digest, transaction string) Confirmation {
	return Confirmation{
		Provider: "mpesa", Number: "R1", ID: 9, Transaction: transaction, Merchant: 1, Mode: domain.ModeTest, Channel: 3,
		Subject: "payment-" + transaction, Door: "c2b", Trusted: true, Amount: money.Of(100, money.KES), Digest: digest, Raw: "{}",
		Awaits: "PUSH", Attempt: 1, Until: t0, At: t0,
	}
}

func open(c Confirmation) Confirmation { c.Trusted, c.Door = false, "c2b_open"; return c }

func TestFirstClaimOwnsTheReceipt(t *testing.T) {
	s := given[State](t).when(claim("A", true)).then(claimed("A")).
		when(claim("A", true)).thenNothing().
		when(claim("B", true)).thenNothing().
		when(claim("B", false)).thenNothing()
	if s.state.Owner != "A" || s.state.OwnedAlone() {
		t.Errorf("%+v", s.state)
	}
}

func TestPushTakesTheReceiptFromThePaymentThatStoodAlone(t *testing.T) {
	s := given[State](t).when(Confirm{confirmation("d", "ALONE")}).when(claim("ALONE", false)).then(claimed("ALONE")).
		when(claim("PUSH", true)).then(reassigned("ALONE", "PUSH")).
		when(claim("PUSH", true)).thenNothing().
		when(claim("ALONE", false)).thenNothing().
		when(claim("ALONE", true)).thenNothing()
	if s.state.Owner != "PUSH" || s.state.StoodOnly != "ALONE" {
		t.Errorf("%+v", s.state)
	}
}

func TestWhoDidNotAskForTheMoneyTakesNothing(t *testing.T) {
	given[State](t).when(Confirm{confirmation("d", "ALONE")}).when(claim("ALONE", false)).
		when(claim("OTHER", false)).thenNothing()
}

func TestReceiptOfOnePushIsNotTakenByAnother(t *testing.T) {
	given[State](t).when(Confirm{confirmation("d", "ALONE")}).when(claim("PUSH", true)).
		when(claim("OTHER", true)).thenNothing()
	given[State](t).when(Confirm{confirmation("d", "ALONE")}).when(claim("ALONE", false)).when(claim("PUSH", true)).
		when(claim("OTHER", true)).thenNothing()
}

func TestConfirmationIsKeptOnce(t *testing.T) {
	c := confirmation("d", "ALONE")
	later := c
	later.At, later.Transaction = t0.Add(time.Hour), "ANOTHER"
	given[State](t).when(Confirm{c}).then(c).when(Confirm{later}).thenNothing()
}

func TestLaterConfirmationOfTheSameTrustKeepsTheTransactionOfTheFirst(t *testing.T) {
	for name, c := range map[string]struct{ first, later, want Confirmation }{
		"at the channel's URL": {confirmation("d", "ALONE"), confirmation("d2", "ANOTHER"), confirmation("d2", "ALONE")},
		"at an open URL":       {open(confirmation("d", "OPEN")), open(confirmation("d2", "ANOTHER")), open(confirmation("d2", "OPEN"))},
	} {
		t.Run(name, func(t *testing.T) {
			c.later.ID, c.later.Awaits = 10, "ANOTHER PUSH"
			given[State](t).when(Confirm{c.first}).when(Confirm{c.later}).then(c.want)
		})
	}
}

func TestTrustedConfirmationNeverSharesWhatAnybodyCouldHaveOpened(t *testing.T) {
	forged, genuine := open(confirmation("d", "FORGED")), confirmation("d2", "GENUINE")
	for _, order := range [][2]Confirmation{{forged, genuine}, {genuine, forged}} {
		// What comes at an open URL after the trusted one is kept, and opens nothing.
		var besides []string
		if !order[0].Trusted {
			besides = []string{"FORGED"}
		}
		s := given[State](t).when(Confirm{order[0]}).then(order[0]).when(Confirm{order[1]}).then(order[1])
		if diff := cmp.Diff(&genuine, s.state.Confirmation()); diff != "" {
			t.Errorf("the trusted one is not the one to go by:\n%s", diff)
		}
		s = s.when(claim("GENUINE", false))
		if diff := cmp.Diff(besides, s.state.Alone()); diff != "" {
			t.Errorf("stood alone beside it:\n%s", diff)
		}
		s = s.when(claim("PUSH", true)).then(reassigned("GENUINE", "PUSH"))
		if diff := cmp.Diff(append(besides, "GENUINE"), s.state.Alone()); diff != "" {
			t.Errorf("stood alone beside the push:\n%s", diff)
		}
	}
}

func TestUnconfirmedNoticeOwnsNothing(t *testing.T) {
	s := given[State](t).when(Confirm{open(confirmation("d", "OPEN"))})
	if s.state.Owner != "" || s.state.OwnedAlone() || s.state.Like(true) != nil || s.state.Confirmation() == nil {
		t.Errorf("%+v", s.state)
	}
	s.when(claim("PUSH", true)).then(claimed("PUSH"))
}

func TestFloodOfConfirmationsDoesNotHideTheTrustedOne(t *testing.T) {
	s := given[State](t)
	for n := range maxConfirmations {
		s = s.when(Confirm{open(confirmation(fmt.Sprint(n), "ALONE"))})
	}
	s.when(Confirm{open(confirmation("one more", "ALONE"))}).thenError(domain.CodeConflict)
	s = s.when(Confirm{confirmation("trusted", "ALONE")})
	if s.err != nil || s.state.Trusted == nil {
		t.Fatalf("the trusted one is refused: %v", s.err)
	}
	s.when(Confirm{confirmation("another trusted", "ALONE")}).thenError(domain.CodeConflict)
}

func TestReceiptHasOneOwnerWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		commands := []domain.Command[State]{
			Confirm{confirmation("d", "ALONE")},
			Confirm{open(confirmation("d2", "ALONE"))},
			Confirm{open(confirmation("d3", "ALONE"))},
			claim("PUSH", true), claim("PUSH", true), claim("STRANGER", false),
		}
		order := rapid.Permutation(commands).Draw(t, "order")
		s, owners := State{}, map[string]int{}
		alone := false
		for i := 0; i < len(order); i++ {
			before := s
			events, err := order[i].Decide(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				s = s.Evolve(e)
				switch e := e.(type) {
				case Claimed:
					owners[e.Transaction]++
				case Reassigned:
					owners[e.From]--
					owners[e.To]++
				case Confirmation:
					if !alone && rapid.Bool().Draw(t, "claims at once") {
						alone = true
						order = append(order[:i+1:i+1], append([]domain.Command[State]{claim("ALONE", false)}, order[i+1:]...)...)
					}
				}
			}
			if before.Owner != "" && s.Owner == "" {
				t.Fatal("nobody owns it any more")
			}
		}
		sum := 0
		for _, n := range owners {
			sum += n
		}
		if sum != 1 || owners[s.Owner] != 1 {
			t.Fatalf("owners %v, the state says %s", owners, s.Owner)
		}
	})
}

func TestReceiptNumbersAreShortWordsOfCapitalsAndDigits(t *testing.T) {
	for s, want := range map[string]bool{
		"NLJ7RT61SV": true, "4099260516": true, "ABCD": true, strings.Repeat("A", 40): true, "": false, "ABC": false, "nlj7rt61sv": false,
		"NLJ7RT61S-": false, "NLJ7 RT61": false, strings.Repeat("A", 41): false, "NLJ7RT61S\xff": false, "ÀBCDE": false, "ABCD\x00": false,
	} {
		if got := Valid(s); got != want {
			t.Errorf("Valid(%q) = %v", s, got)
		}
	}
}

func expect(transaction string, attempt int) ExpectPush {
	return ExpectPush{PushExpected{Channel: 3, Merchant: 1, Transaction: transaction, Attempt: attempt, Amount: money.Of(100, money.KES), At: t0}}
}

func TestPushIsExpectedOnce(t *testing.T) {
	given[AccountState](t).when(expect("A", 1)).then(expect("A", 1).PushExpected).when(expect("A", 1)).thenNothing().
		when(expect("A", 2)).then(expect("A", 2).PushExpected).
		when(expect("B", 1)).then(expect("B", 1).PushExpected)
}

func TestNewestPushesOfAnAccountAreRemembered(t *testing.T) {
	s := given[AccountState](t)
	for n := range maxExpected + 10 {
		s = s.when(expect(fmt.Sprint(n), 1))
	}
	if n := len(s.state.Expected); n != maxExpected || s.state.Expected[0].Transaction != "10" || s.state.Expected[n-1].Transaction != "41" {
		t.Errorf("remembers %d, from %s", n, s.state.Expected[0].Transaction)
	}
	left := s.state.Evolve(expect("left", 1).PushExpected)
	s.state.Evolve(expect("right", 1).PushExpected)
	if got := left.Expected[maxExpected-1].Transaction; got != "left" {
		t.Errorf("two states share memory: %s", got)
	}
}

func TestAccountReferencesAreComparedWithoutCaseAndSpaces(t *testing.T) {
	for s, want := range map[string]string{"order 12": "ORDER12", " ORDER12\t": "ORDER12", "Order\u00a012": "ORDER12", "": "", "  ": ""} {
		if got := NormaliseAccount(s); got != want || NormaliseAccount(got) != got {
			t.Errorf("NormaliseAccount(%q) = %q", s, got)
		}
	}
}

func TestStreamsOfReceiptsAndAccounts(t *testing.T) {
	if got := Stream("mpesa", "R1") + " " + AccountStream(3, "ab"); got != "receipt-mpesa-R1 account-3-ab" {
		t.Error(got)
	}
}
