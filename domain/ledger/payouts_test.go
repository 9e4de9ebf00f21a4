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
	"github.com/benfex/kipay/domain/payout"
)

// payoutStory is a payout with its ledger.
type payoutStory struct {
	state    payout.State
	postings []Postings
}

func (s *payoutStory) do(t interface{ Fatalf(string, ...any) }, c domain.Command[payout.State]) {
	events, err := c.Decide(s.state)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	for _, e := range events {
		s.postings = append(s.postings, OfPayout(s.state, e))
		s.state = s.state.Evolve(e)
	}
}

func (s *payoutStory) balances() map[string]int64 { return (&story{postings: s.postings}).balances() }

func wantPayout(f fee.Funds, kind payout.Kind) payout.Request {
	to := payout.Destination{Kind: kind, Number: "254712345678"}
	switch kind {
	case payout.ToBank:
		to = payout.Destination{Kind: kind, Number: "01", Bank: "Benki", Name: "Duka"}
	case payout.ToTill:
		to.Number = "512345"
	case payout.ToPhone:
	}
	all := payout.Limits{}.Evolve(payout.PolicySet{Currency: money.KES, Limit: 1_000_000_00})
	return payout.Request{Policy: payout.Policy{Install: all}, Requested: payout.Requested{
		Reference: "PAYOUT0123456789ABCDEF", ID: 1, Merchant: 1, Channel: 3, Funds: f, Amount: kes(600_00), Destination: to, RequestedBy: "key:a", At: t0,
	}}
}

func payoutPaid(came, charge int64) payout.Weigh {
	w := payout.Weigh{Door: payout.DoorResult, Done: true, Receipt: "R", PaidAt: t0.Add(time.Hour), At: t0.Add(time.Hour)}
	if came != 0 {
		m := kes(came)
		w.Amount = &m
	}
	if charge != 0 {
		m := kes(charge)
		w.Charge = &m
	}
	return w
}

func payoutRefused() payout.Weigh {
	return payout.Weigh{Door: payout.DoorResult, Refused: true, FailureCode: "insufficient_funds", At: t0.Add(time.Hour)}
}

func TestAPayoutIsInTransitUntilItHasArrived(t *testing.T) {
	for f, arrived := range map[fee.Funds]string{fee.OfMerchant: "wallet KES", fee.OfPool: "merchant_payable KES"} {
		s := &payoutStory{}
		s.do(t, wantPayout(f, payout.ToPhone))
		if b := s.balances(); len(b) != 0 {
			t.Errorf("%s: requested it moves %v", f, b)
		}
		s.do(t, payout.Send{At: t0})
		if diff := cmp.Diff(map[string]int64{"payouts_in_transit KES": 600_00, "provider_clearing KES": -600_00}, s.balances()); diff != "" {
			t.Errorf("%s: sent (-want +got):\n%s", f, diff)
		}
		s.do(t, payoutPaid(0, 0))
		s.do(t, payoutPaid(0, 22_40)) // the charge, known later
		s.do(t, payoutPaid(0, 22_40))
		minor := map[fee.Funds]int64{fee.OfMerchant: 600_00, fee.OfPool: -600_00}[f]
		if diff := cmp.Diff(map[string]int64{arrived: minor, "provider_fees KES": 22_40, "provider_clearing KES": -622_40}, s.balances()); diff != "" {
			t.Errorf("%s: paid (-want +got):\n%s", f, diff)
		}
	}
}

func TestAPayoutThatFailedStandsWhereItStoodUntilThereIsWordThatItWasPaid(t *testing.T) {
	s := &payoutStory{}
	s.do(t, wantPayout(fee.OfMerchant, payout.ToPhone))
	s.do(t, payout.Send{At: t0})
	s.do(t, payoutRefused())
	if b := s.balances(); len(b) != 0 {
		t.Errorf("failed it moved %v", b)
	}
	s.do(t, payoutPaid(601_00, 0)) // a shilling more than was asked
	if diff := cmp.Diff(map[string]int64{"wallet KES": 601_00, "provider_clearing KES": -601_00}, s.balances()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.state.Attention == "" {
		t.Error("nobody is told of the shilling")
	}
}

func TestATransferIsEnteredOnTheBanksDay(t *testing.T) {
	for kind, arrived := range map[payout.Kind]string{payout.ToBank: "bank KES", payout.ToTill: "wallet KES"} {
		s := &payoutStory{}
		s.do(t, wantPayout(fee.OfMerchant, kind))
		s.do(t, payout.Record{By: "key:b", BankReference: "FT1", ValueDate: t0.Add(24 * time.Hour), Zone: time.UTC, At: t0.Add(72 * time.Hour)})
		if diff := cmp.Diff(map[string]int64{arrived: 600_00, "provider_clearing KES": -600_00}, s.balances()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if p := s.postings[len(s.postings)-1]; !p.EffectiveAt.Equal(t0.Add(24 * time.Hour)) {
			t.Errorf("%s: entered on %s", kind, p.EffectiveAt)
		}
	}
}

// Whatever comes, in whatever order: when something final is known nothing is in transit, and what has left the provider is
// what the payout takes of the channel's money.
func TestTheBooksOfAPayoutFitWhatItTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]fee.Funds{fee.OfMerchant, fee.OfPool}).Draw(t, "funds")
		s := &payoutStory{}
		s.do(t, wantPayout(f, payout.ToPhone))
		s.do(t, payout.Send{At: t0})
		for range rapid.IntRange(1, 8).Draw(t, "notices") {
			s.do(t, rapid.SampledFrom([]domain.Command[payout.State]{
				payoutPaid(0, 0), payoutPaid(0, 5_00), payoutPaid(605_00, 0), payoutRefused(),
				payout.Lose{At: t0},
				payout.Accept{ConversationID: "AG", At: t0},
				payout.ReportCharge{Door: payout.DoorStatement, Raw: "line 9", Digest: "s", Charge: kes(7_00), At: t0},
			}).Draw(t, "notice"))
			b := s.balances()
			inTransit := int64(0)
			if s.state.Status == payout.Pending {
				inTransit = 600_00
			}
			var left int64
			if s.state.Status == payout.Paid {
				left = s.state.Came.Minor
				if s.state.Charge != nil {
					left += s.state.Charge.Minor
				}
			}
			if b["payouts_in_transit KES"] != inTransit || b["provider_clearing KES"] != -left-inTransit {
				t.Fatalf("%s: %v", s.state.Status, b)
			}
			if f == fee.OfMerchant && s.state.Status == payout.Paid && s.state.Cost().Minor != left {
				t.Fatalf("it takes %s of the channel, %d have left", s.state.Cost(), left)
			}
		}
	})
}

func TestChangesOfWhatCanBePaidOut(t *testing.T) {
	for f, want := range map[fee.Funds]string{
		fee.OfMerchant: "[{3 KES 70000 0}]", fee.OfPool: "[{3 KES 70000 70000}]",
	} {
		s := paidStory(t, f, 1000_00)
		s.do(t, refund(1, 300_00, f))
		s.do(t, done(1))
		var lines []Posting
		for _, p := range s.postings {
			lines = append(lines, p.Lines...)
		}
		if got := fmt.Sprint(Changes(lines)); got != want {
			t.Errorf("%s: %s", f, got)
		}
		if got := Changes(paidStory(t, f, 1200_00).postings[2].Lines); got[0].Standing != 1000_00 {
			t.Errorf("%s: what was paid too much can be paid out: %+v", f, got)
		}
	}
}
