package ledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
)

// Whatever is decided about money that only a statement shows, and in whatever order, it counts once: what stands at the provider
// is the one amount that came, or nothing when it went back.
func TestMoneyOutOfSuspenseCountsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		funds := rapid.SampledFrom([]fee.Funds{fee.OfMerchant, fee.OfPool}).Draw(t, "funds")
		var s story
		s.take(opened(transaction.FromPush), pushed(1))
		var r receipt.State
		do := func(c domain.Command[receipt.State]) {
			events, err := c.Decide(r)
			if err != nil && domain.CodeOf(err) != domain.CodeConflict && domain.CodeOf(err) != domain.CodeNotFound {
				t.Fatal(err)
			}
			for _, e := range events {
				s.postings = append(s.postings, OfReceipt(e))
				r = r.Evolve(e)
			}
		}
		came, returned := false, false
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				do(receipt.OpenSuspense{SuspenseOpened: receipt.SuspenseOpened{
					Provider: "mpesa", Number: "NLJ7RT61SV", Merchant: 1, Mode: domain.ModeTest, Channel: 3, Funds: funds, Amount: kes(1000_00), PaidAt: t0, At: t0,
				}})
				came = came || r.Suspense != nil
			case 1:
				do(receipt.ReleaseSuspense{How: receipt.ReleaseWrittenOff, At: t0.Add(time.Hour)})
			case 2:
				do(receipt.ReleaseSuspense{How: receipt.ReleaseReturned, At: t0.Add(time.Hour)})
			case 3:
				do(receipt.Claim{Provider: "mpesa", Number: "NLJ7RT61SV", Transaction: string(reference), Attempt: 1, Asked: true, At: t0})
				if r.Owner != "" {
					s.do(t, paid("NLJ7RT61SV", kes(1000_00), fee.Terms{Channel: 3, Funds: funds, Currency: "KES"}))
					came = true
				}
			case 4:
				do(receipt.RestoreSuspense{How: receipt.ReleaseReturned, At: t0.Add(2 * time.Hour)})
			case 5:
				do(receipt.RestoreSuspense{How: receipt.ReleaseWrittenOff, At: t0.Add(2 * time.Hour)})
			}
			returned = r.WentBack()
		}
		want := map[string]int64{}
		if came && !returned {
			want["provider_clearing KES"] = 1000_00
		}
		got := s.balances()
		for name := range got {
			if name != "provider_clearing KES" {
				delete(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what stands at the provider (-want +got):\n%s", diff)
		}
	})
}
