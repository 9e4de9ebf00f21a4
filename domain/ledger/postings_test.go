package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

const reference = transaction.Reference("KIPAY0123456789ABCDEF")

func kes(minor int64) money.Money { return money.Of(minor, money.KES) }

func opened(o transaction.Origin) transaction.Initialized {
	return transaction.Initialized{
		ID: 7, Reference: reference, Merchant: 1, Mode: domain.ModeTest, Channel: 3, Provider: "mpesa", Origin: o,
		Amount: kes(1000_00), Subject: "customer-4f1c", At: t0,
	}
}

func pushed(attempt int) transaction.StkPushRequested {
	return transaction.StkPushRequested{Reference: reference, Attempt: attempt, Channel: 3, Subject: "customer-4f1c", At: t0}
}

// story is a payment with its ledger.
type story struct {
	state    transaction.State
	postings []Postings
	events   []domain.Event
}

func (s *story) take(events ...domain.Event) {
	for _, e := range events {
		s.postings = append(s.postings, OfTransaction(s.state, e))
		s.state = s.state.Evolve(e)
		s.events = append(s.events, e)
	}
}

func (s *story) do(t interface{ Fatalf(string, ...any) }, c domain.Command[transaction.State]) {
	events, err := c.Decide(s.state)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	s.take(events...)
}

// balances are the accounts that are not zero, as text.
func (s *story) balances() map[string]int64 {
	out := map[string]int64{}
	for _, p := range s.postings {
		for _, l := range p.Lines {
			name := fmt.Sprintf("%s %s", l.Account, l.Currency)
			out[name] += TypeOf(l.Account).Balance(l.Debit, l.Credit)
			if out[name] == 0 {
				delete(out, name)
			}
		}
	}
	return out
}

func ownTerms(f fee.Funds) fee.Terms {
	return fee.Terms{Channel: 3, Funds: f, Currency: money.KES, Schedule: fee.Schedule{
		Version: 1, Provider: fee.Rule{Parts: 5_500, TaxParts: 100_000}, Own: fee.Rule{Parts: 10_000, TaxParts: 160_000},
	}}
}

func paid(receipt string, m money.Money, terms fee.Terms) transaction.Weigh {
	return transaction.Weigh{At: t0.Add(time.Minute), Evidence: transaction.Evidence{
		Door: transaction.DoorStkCallback, Kind: transaction.ReceiptGiven, Attempt: 1, Receipt: receipt, Amount: m,
		Method: transaction.MethodMpesaSTK, PaidAt: t0.Add(30 * time.Second), Terms: terms,
	}}
}

func TestAPaymentToTheMerchantsOwnAccountIsItsSale(t *testing.T) {
	var s story
	s.take(opened(transaction.FromPush), pushed(1))
	s.do(t, paid("NLJ7RT61SV", kes(1000_00), ownTerms(fee.OfMerchant)))
	want := map[string]int64{
		"provider_clearing KES": 1000_00 - 6_05, "sales KES": 1000_00, "provider_fees KES": 6_05,
		"gateway_fees KES": 11_60, "fees_payable KES": 11_60,
	}
	if diff := cmp.Diff(want, s.balances()); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
	if at := s.postings[2].EffectiveAt; !at.Equal(t0.Add(30 * time.Second)) {
		t.Errorf("effective at %s; want the provider's time", at)
	}
}

func TestAPaymentToTheOperatorsPoolIsOwedToTheMerchant(t *testing.T) {
	var s story
	s.take(opened(transaction.FromPush), pushed(1))
	s.do(t, paid("NLJ7RT61SV", kes(1200_00), ownTerms(fee.OfPool)))
	want := map[string]int64{
		"provider_clearing KES": 1200_00 - 7_26, "provider_fees KES": 7_26, "suspense KES": 200_00,
		"merchant_payable KES": 1000_00 - 12_00 - 1_92, "own_fees KES": 12_00, "tax_payable KES": 1_92,
	}
	if diff := cmp.Diff(want, s.balances()); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
}

func TestMoneyInAnotherCurrencyWaitsInSuspense(t *testing.T) {
	var s story
	s.take(opened(transaction.FromPush), pushed(1))
	s.do(t, paid("NLJ7RT61SV", money.Of(5_00, money.USD), ownTerms(fee.OfMerchant)))
	want := map[string]int64{"provider_clearing USD": 5_00, "suspense USD": 5_00}
	if diff := cmp.Diff(want, s.balances()); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
}

func TestWhatTheProviderReportsTakesThePlaceOfTheEstimateByAnEntryOfItsOwn(t *testing.T) {
	var s story
	s.take(opened(transaction.FromPush), pushed(1))
	told := paid("302961", kes(1000_00), ownTerms(fee.OfMerchant))
	reported := kes(29_00)
	told.Fee = &reported
	s.do(t, told)
	s.do(t, told) // a repetition reports nothing new
	if got := s.balances()["provider_fees KES"]; got != 29_00 {
		t.Errorf("provider fees are %d; want what was reported", got)
	}
	last, ok := s.events[len(s.events)-2].(transaction.ProviderFeeReported)
	if !ok || last.Was != kes(6_05) || last.Fee != reported {
		t.Errorf("the adjustment is %+v", s.events[len(s.events)-2])
	}
	if n := len(s.events); n != 5 {
		t.Errorf("%d events; want five: opened, pushed, received, fee, completed", n)
	}
}

func TestAConfirmedPaymentIsChargedOnceWhenItsReceiptComes(t *testing.T) {
	var s story
	s.take(opened(transaction.FromPush), pushed(1))
	s.do(t, transaction.Weigh{At: t0, Evidence: transaction.Evidence{
		Door: transaction.DoorStkQuery, Kind: transaction.ConfirmedPaid, Attempt: 1, Terms: ownTerms(fee.OfPool),
	}})
	before := s.balances()
	later := ownTerms(fee.OfPool) // rules that were set in between count for payments from then on
	later.Schedule.Version++
	later.Schedule.Own.Parts *= 2
	s.do(t, paid("NLJ7RT61SV", kes(1000_00), later))
	if p := s.state.Payments[0]; p.Charge != ownTerms(fee.OfPool).Of(kes(1000_00)) {
		t.Errorf("it was charged %+v", p.Charge)
	}
	if diff := cmp.Diff(before, s.balances()); diff != "" {
		t.Errorf("the receipt changed the balances (-before +after):\n%s", diff)
	}
}

func TestAMergedPaymentLeavesNothingInItsOwnBooks(t *testing.T) {
	var s story
	s.do(t, transaction.ReceiveC2B{
		Open: opened(transaction.FromC2B), Door: transaction.DoorC2B, Digest: "d", Receipt: "NLJ7RT61SV", PaidAt: t0, Trusted: true,
		Terms: ownTerms(fee.OfPool), Received: t0,
	})
	if len(s.balances()) == 0 {
		t.Fatal("the payment entered nothing")
	}
	s.do(t, transaction.Merge{Into: "MPESA0123456789ABCDEF", Receipt: "NLJ7RT61SV", At: t0.Add(time.Hour)})
	if got := s.balances(); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
	if at := s.postings[len(s.postings)-1].EffectiveAt; !at.Equal(t0) {
		t.Errorf("taken back as of %s; want when it was paid", at)
	}
}

func TestWhateverHappensToAPaymentItsEntriesBalanceAndSayWhatItsStateSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s story
		funds := rapid.SampledFrom([]fee.Funds{fee.OfMerchant, fee.OfPool}).Draw(t, "funds")
		s.take(opened(transaction.FromCheckout), pushed(1), pushed(2), pushed(3))
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			s.do(t, someEvidence(t, funds))
		}
		s.balanced(t)
		s.agrees(t)
		var again story
		again.take(s.events...)
		if diff := cmp.Diff(s.postings, again.postings); diff != "" {
			t.Fatalf("a replay posts otherwise:\n%s", diff)
		}
	})
}

func someEvidence(t *rapid.T, funds fee.Funds) transaction.Weigh {
	receipt := rapid.SampledFrom([]string{"AAA1111111", "BBB2222222", "CCC3333333", "DDD4444444"}).Draw(t, "receipt")
	amount := money.Of(rapid.SampledFrom([]int64{1000_00, 400_00, 1500_00, 1}).Draw(t, "amount"), rapid.SampledFrom([]money.Currency{money.KES, money.KES, money.KES, money.USD}).Draw(t, "currency"))
	w := paid(receipt, amount, ownTerms(funds))
	w.Attempt = rapid.IntRange(1, 3).Draw(t, "attempt")
	w.Kind = rapid.SampledFrom([]transaction.Kind{transaction.ReceiptGiven, transaction.ConfirmedPaid, transaction.FailedByNotice, transaction.NoNews}).Draw(t, "kind")
	if rapid.Bool().Draw(t, "fee reported") {
		f := money.Of(rapid.Int64Range(0, 100_00).Draw(t, "fee"), amount.Currency)
		w.Fee = &f
	}
	return w
}

func (s *story) balanced(t *rapid.T) {
	for i, p := range s.postings {
		sums := map[money.Currency]int64{}
		for _, l := range p.Lines {
			if l.Debit < 0 || l.Credit < 0 || (l.Debit == 0) == (l.Credit == 0) || TypeOf(l.Account) == "" || l.Channel != 3 {
				t.Fatalf("%T posts %+v", s.events[i], l)
			}
			sums[l.Currency] += l.Debit - l.Credit
		}
		for c, sum := range sums {
			if sum != 0 {
				t.Fatalf("%T is %d %s out of balance", s.events[i], sum, c)
			}
		}
		if len(p.Lines) > 0 && p.EffectiveAt.IsZero() {
			t.Fatalf("%T is effective at no time", s.events[i])
		}
	}
}

func (s *story) agrees(t *rapid.T) {
	b := s.balances()
	owed := b["sales KES"] + b["merchant_payable KES"] + b["own_fees KES"] + b["tax_payable KES"]
	if owed != s.state.Credited.Minor || b["suspense KES"] != s.state.Surplus.Minor {
		t.Fatalf("the ledger credits %d and holds %d in suspense; the payment says %s and %s", owed, b["suspense KES"], s.state.Credited, s.state.Surplus)
	}
	if b["provider_clearing KES"]+b["provider_fees KES"] != s.state.Received().Minor {
		t.Fatalf("clearing and fees are %d and %d; %s came", b["provider_clearing KES"], b["provider_fees KES"], s.state.Received())
	}
}

func TestEveryAccountOfTheChartHasItsTypeAndStandsOnce(t *testing.T) {
	seen := map[Account]bool{}
	for _, l := range Chart() {
		if seen[l.Account] || l.Type == "" || l.Meaning == "" {
			t.Errorf("%+v", l)
		}
		seen[l.Account] = true
	}
	if TypeOf("petty_cash") != "" {
		t.Error("an account that is not in the chart has a type")
	}
}
