package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/transaction"
)

func disputed(id, minor int64) transaction.NoteDispute {
	return transaction.NoteDispute{Dispute: id, Amount: kes(minor), At: t0.Add(time.Hour)}
}

func promised(id, minor int64) transaction.PromiseChargeback {
	return transaction.PromiseChargeback{Dispute: id, Amount: kes(minor), At: t0.Add(2 * time.Hour)}
}

func taken(id, minor int64) transaction.RecordReversal {
	return transaction.RecordReversal{
		Door: transaction.DoorDispute, Receipt: dispute.Receipt(id), Original: "NLJ7RT61SV", Amount: kes(minor),
		ReversedAt: t0.Add(3 * time.Hour), At: t0.Add(3 * time.Hour),
	}
}

func TestADisputeTakesNothingUntilItIsLost(t *testing.T) {
	for _, f := range []fee.Funds{fee.OfMerchant, fee.OfPool} {
		s := paidStory(t, f, 1000_00)
		owner := map[fee.Funds]string{fee.OfMerchant: "sales KES", fee.OfPool: "merchant_payable KES"}[f]
		before := s.balances()
		s.do(t, disputed(624, 400_00))
		s.do(t, promised(624, 400_00))
		if diff := cmp.Diff(before, s.balances()); diff != "" {
			t.Errorf("%s: an open dispute moved money:\n%s", f, diff)
		}
		s.do(t, taken(624, 400_00))
		s.do(t, taken(624, 400_00))
		if diff := cmp.Diff(map[string]int64{"provider_clearing KES": 600_00, owner: 600_00}, s.balances()); diff != "" {
			t.Errorf("%s: lost (-want +got):\n%s", f, diff)
		}
		if s.state.Refunded() != kes(400_00) || s.state.Refundable() != kes(600_00) {
			t.Errorf("%s: %s refunded, %s left", f, s.state.Refunded(), s.state.Refundable())
		}
	}
}

func TestWhatIsPromisedToADisputeIsNotRefundedToo(t *testing.T) {
	s := paidStory(t, fee.OfMerchant, 1000_00)
	s.do(t, disputed(624, 700_00))
	s.do(t, promised(624, 700_00))
	if _, err := refund(1, 300_01, fee.OfMerchant).Decide(s.state); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("more than is left can be refunded: %v", err)
	}
	s.do(t, refund(1, 300_00, fee.OfMerchant))
	s.do(t, disputed(625, 100_00))
	if _, err := promised(625, 1).Decide(s.state); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("more than is left can be promised: %v", err)
	}
	s.do(t, transaction.ReleaseChargeback{Dispute: 624, At: t0.Add(4 * time.Hour)})
	if got := s.state.Refundable(); got != kes(700_00) {
		t.Errorf("%s is left when the dispute is won", got)
	}
	if _, err := promised(9, 1).Decide(s.state); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("a dispute that there is not: %v", err)
	}
}

func TestDisputesAndRefundsAtOnceNeverPromiseMoreThanWasPaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		funds := rapid.SampledFrom([]fee.Funds{fee.OfMerchant, fee.OfPool}).Draw(t, "funds")
		var s story
		s.take(opened(transaction.FromPush), pushed(1))
		came := rapid.SampledFrom([]int64{1000_00, 1500_00}).Draw(t, "came")
		s.do(t, paid("NLJ7RT61SV", kes(came), fee.Terms{Channel: 3, Funds: funds, Currency: s.state.Amount.Currency}))
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			id := rapid.Int64Range(1, 4).Draw(t, "id")
			amount := rapid.SampledFrom([]int64{1, 100_00, 400_00, 1000_00}).Draw(t, "amount")
			var c domain.Command[transaction.State]
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				c = disputed(id, amount)
			case 1:
				c = promised(id, amount)
			case 2: // the provider takes what was promised to it
				d, _ := s.state.DisputeOf(id)
				c = taken(id, d.Promised.Minor)
			case 3:
				c = transaction.ReleaseChargeback{Dispute: id, At: t0.Add(4 * time.Hour)}
			case 4:
				c = refund(id, amount, funds)
			case 5:
				c = done(id)
			}
			events, err := c.Decide(s.state)
			switch code := domain.CodeOf(err); {
			case err == nil:
				s.take(events...)
			case code != domain.CodeInvalid && code != domain.CodeConflict && code != domain.CodeNotFound:
				t.Fatal(err)
			}
			if left := s.state.Refundable(); left.Minor < 0 {
				t.Fatalf("%s is left", left)
			}
		}
		s.balanced(t)
		b := s.balances()
		if b["provider_clearing KES"] != came-s.state.Refunded().Minor {
			t.Fatalf("clearing is %d; %d came and %s went back", b["provider_clearing KES"], came, s.state.Refunded())
		}
	})
}
