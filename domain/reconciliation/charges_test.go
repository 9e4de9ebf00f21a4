package reconciliation_test

import (
	"testing"
	"time"

	. "github.com/benfex/kipay/domain/reconciliation"
)

func TestThePayoutThatAChargeIsFor(t *testing.T) {
	paid := Payout{
		Reference: "PAYOUT1", Channel: 1, Kind: KindPayout, Amount: kes(600), Status: StatusCompleted, Receipt: "SKA0000001", SentAt: noon, BookedAt: noon,
	}
	charged := func(shillings int64, at time.Time) Payout {
		return with(paid, func(p *Payout) { p.Fee, p.FeeAt = kes(shillings), at })
	}
	out, same, linked := moved(8, KindPayout, "SKA0000001", "", -600), moved(9, KindCharge, "SKA0000001", "", -22), moved(9, KindCharge, "SKA0000002", "SKA0000001", -22)
	tied := is{8, "PAYOUT1", RuleReceipt, "", "", "0"}
	for name, test := range map[string]struct {
		parts []any
		want  []is
	}{
		"by the same receipt":                    {[]any{paid, out, same}, []is{tied, {9, "PAYOUT1", RuleReceipt, Fee, Explained, "-22"}}},
		"by the receipt that it is linked to":    {[]any{paid, out, linked}, []is{tied, {9, "PAYOUT1", RuleReceipt, Fee, Explained, "-22"}}},
		"though it is called a fee":              {[]any{paid, out, with(same, func(l *Line) { l.Kind = KindFee })}, []is{tied, {9, "PAYOUT1", RuleReceipt, Fee, Explained, "-22"}}},
		"which the books have":                   {[]any{charged(22, noon), out, same}, []is{tied, {9, "PAYOUT1", RuleReceipt, "", "", "0"}}},
		"which the books have in another amount": {[]any{charged(20, noon), out, same}, []is{tied, {9, "PAYOUT1", RuleReceipt, Fee, Explained, "-2"}}},
		"which the books had in another month":   {[]any{charged(22, end), out, same}, []is{tied, {9, "PAYOUT1", RuleReceipt, Timing, Explained, "-22"}}},
		"which the statement does not show":      {[]any{charged(22, noon), out}, []is{tied, {0, "PAYOUT1", RuleUnmatched, Fee, Explained, "22"}}},
		"of a payout that isn't shown either": {[]any{charged(22, noon)}, []is{
			{0, "PAYOUT1", RuleUnmatched, Unexplained, Open, "600"}, {0, "PAYOUT1", RuleUnmatched, Unexplained, Open, "22"},
		}},
		"of another channel": {[]any{with(charged(22, noon), func(p *Payout) { p.Channel = 2 })}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			results, _ := reconcile(t, mpesa(), test.parts...)
			expect(t, results, test.want...)
			for _, r := range results {
				if (r.Line == 9 || r.Amount == kes(22)) && r.Entry != EntryFee {
					t.Errorf("it is a %s: %+v", r.Entry, r)
				}
			}
		})
	}
}

// A transfer to the bank out of a card channel is on no settlement: nothing may be looked up for it among payments.
func TestATransferIsMissingOnASettlementWithoutPayments(t *testing.T) {
	scope := with(mpesa(), func(s *Scope) { s.Source = SourcePaystackSettlement })
	results, _ := reconcile(t, scope, Payout{
		Reference: "PAYOUT1", Channel: 1, Kind: KindWithdrawalToBank, Amount: kes(600), Status: StatusCompleted, SentAt: noon, BookedAt: noon,
	})
	expect(t, results, is{0, "PAYOUT1", RuleUnmatched, Unexplained, Open, "600"})
}
