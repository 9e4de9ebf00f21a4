package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/transaction"
)

func refund(id, minor int64, f fee.Funds) transaction.RequestRefund {
	return transaction.RequestRefund{
		Refund: id, Name: "REFUND0123456789ABCDEF", Amount: kes(minor), Way: transaction.RefundByReversal, Receipt: "NLJ7RT61SV",
		Terms: transaction.Terms{Channel: 3, Funds: f}, At: t0.Add(time.Hour),
	}
}

func done(id int64) transaction.WeighRefund {
	return transaction.WeighRefund{Refund: id, Door: transaction.DoorRefundResult, Done: true, Receipt: "RREV", RefundedAt: t0.Add(2 * time.Hour), At: t0.Add(2 * time.Hour)}
}

func refused(id int64) transaction.WeighRefund {
	return transaction.WeighRefund{Refund: id, Door: transaction.DoorRefundResult, Refused: true, FailureCode: "insufficient_funds", At: t0.Add(2 * time.Hour)}
}

func paidStory(t *testing.T, f fee.Funds, came int64) *story {
	t.Helper()
	s := &story{}
	s.take(opened(transaction.FromPush), pushed(1))
	s.do(t, paid("NLJ7RT61SV", kes(came), fee.Terms{Channel: 3, Funds: f, Currency: money.KES}))
	return s
}

func TestARefundIsOwedToThePayerUntilItHasLeft(t *testing.T) {
	for _, f := range []fee.Funds{fee.OfMerchant, fee.OfPool} {
		s := paidStory(t, f, 1000_00)
		owner := map[fee.Funds]string{fee.OfMerchant: "sales KES", fee.OfPool: "merchant_payable KES"}[f]
		s.do(t, refund(1, 300_00, f))
		if diff := cmp.Diff(map[string]int64{"provider_clearing KES": 1000_00, owner: 700_00, "refunds_payable KES": 300_00}, s.balances()); diff != "" {
			t.Errorf("%s: promised (-want +got):\n%s", f, diff)
		}
		s.do(t, done(1))
		if diff := cmp.Diff(map[string]int64{"provider_clearing KES": 700_00, owner: 700_00}, s.balances()); diff != "" {
			t.Errorf("%s: done (-want +got):\n%s", f, diff)
		}
	}
}

func TestARefundThatFailedIsTheMerchantsAgainUntilTheProviderSaysOtherwise(t *testing.T) {
	s := paidStory(t, fee.OfMerchant, 1000_00)
	s.do(t, refund(1, 0, fee.OfMerchant))
	s.do(t, refused(1))
	if got := s.balances()["sales KES"]; got != 1000_00 || s.state.Refundable() != kes(1000_00) {
		t.Errorf("sales are %d, %s can be refunded", got, s.state.Refundable())
	}
	s.do(t, done(1))
	if got := s.balances(); len(got) != 0 || s.state.Refunded() != kes(1000_00) {
		t.Errorf("balances %v, refunded %s", got, s.state.Refunded())
	}
}

func TestWhatWasPaidTooMuchGoesBackFirst(t *testing.T) {
	s := paidStory(t, fee.OfMerchant, 1200_00)
	s.do(t, refund(1, 150_00, fee.OfMerchant))
	s.do(t, done(1))
	s.do(t, refund(2, 100_00, fee.OfMerchant))
	if diff := cmp.Diff(map[string]int64{"provider_clearing KES": 1050_00, "sales KES": 950_00, "refunds_payable KES": 100_00}, s.balances()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A refund of the surplus fails, another one takes the surplus, and then the first turns out to have gone through: that one is out of what
// the merchant is owed.
func TestTheSurplusGoesBackOnceThoughARefundOfItIsFoundToHaveGoneThrough(t *testing.T) {
	s := paidStory(t, fee.OfPool, 1200_00)
	s.do(t, refund(1, 200_00, fee.OfPool))
	s.do(t, refused(1))
	s.do(t, refund(2, 150_00, fee.OfPool))
	c := done(1)
	c.Receipt = "RREV1"
	s.do(t, c)
	c = done(2)
	c.Receipt = "RREV2"
	s.do(t, c)
	if diff := cmp.Diff(map[string]int64{"provider_clearing KES": 850_00, "merchant_payable KES": 850_00}, s.balances()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	no := transaction.WeighRefund{Refund: 1, Door: transaction.DoorOperator, Refused: true, FailureCode: "settled_by_person", At: t0.Add(3 * time.Hour)}
	s.do(t, no)
	if diff := cmp.Diff(map[string]int64{"provider_clearing KES": 1050_00, "merchant_payable KES": 1000_00, "suspense KES": 50_00}, s.balances()); diff != "" {
		t.Errorf("after all not (-want +got):\n%s", diff)
	}
}

func TestAReversalThatNobodyAskedForIsTakenFromTheSaleOnce(t *testing.T) {
	s := paidStory(t, fee.OfMerchant, 1000_00)
	reversal := transaction.RecordReversal{
		Door: transaction.DoorRefundStatus, Receipt: "RKTQDM7W6S", Original: "NLJ7RT61SV", Amount: kes(1000_00), ReversedAt: t0.Add(time.Hour), Digest: "d",
		Raw: "{}", At: t0.Add(time.Hour),
	}
	s.do(t, reversal)
	s.do(t, reversal)
	if got := s.balances(); len(got) != 0 {
		t.Errorf("balances %v", got)
	}
	if _, err := refund(1, 0, fee.OfMerchant).Decide(s.state); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("what was reversed can be refunded too: %v", err)
	}
}

func TestHoweverRefundsRunNeverMoreThanWasPaidIsPromisedAndTheLedgerAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		funds := rapid.SampledFrom([]fee.Funds{fee.OfMerchant, fee.OfPool}).Draw(t, "funds")
		var s story
		s.take(opened(transaction.FromPush), pushed(1))
		came := rapid.SampledFrom([]int64{1000_00, 1000_01, 1500_00}).Draw(t, "came")
		s.do(t, paid("NLJ7RT61SV", kes(came), fee.Terms{Channel: 3, Funds: funds, Currency: money.KES}))
		revived := false
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			id := rapid.Int64Range(1, 5).Draw(t, "refund")
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				c := refund(id, rapid.SampledFrom([]int64{0, 1, 100_00, 400_00, 2000_00}).Draw(t, "amount"), funds)
				c.Way = transaction.RefundByPayout // a reversal counts once
				if events, err := c.Decide(s.state); err == nil {
					s.take(events...)
				} else if code := domain.CodeOf(err); code != domain.CodeInvalid && code != domain.CodeConflict {
					t.Fatal(err)
				}
			case 1:
				if r, ok := s.state.RefundOf(id); ok {
					revived = revived || r.Status == transaction.RefundRefused
					c := done(id)
					c.Receipt += string(rune('0' + id))
					s.do(t, c)
				}
			case 2:
				if _, ok := s.state.RefundOf(id); ok {
					s.do(t, refused(id))
				}
			}
		}
		s.balanced(t)
		var pending int64
		for _, r := range s.state.Refunds {
			if r.Status == transaction.RefundPending {
				pending += r.Amount.Minor
			}
		}
		b := s.balances()
		if b["refunds_payable KES"] != pending {
			t.Fatalf("%d is owed to payers, %d is under way", b["refunds_payable KES"], pending)
		}
		if b["provider_clearing KES"] != came-s.state.Refunded().Minor {
			t.Fatalf("%d stands at the provider; %d came, %s went back", b["provider_clearing KES"], came, s.state.Refunded())
		}
		if b["suspense KES"] < 0 {
			t.Fatalf("%d stands in suspense", b["suspense KES"])
		}
		if left := s.state.Refundable().Minor; left < 0 && !revived {
			t.Fatalf("%d is left", left)
		}
	})
}
