package commands_test

import (
	"testing"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/payout"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// The result of a payout was lost. The statement shows it, and what it cost, in whichever order: both are booked, once.
func TestThePayoutAndItsChargeAreBookedFromTheStatement(t *testing.T) {
	const ref = payout.Reference("PAYOUT0123456789ABCDEF")
	out := "QGR7I8K2LM,AT,AT,Business Payment to 254712345678,Completed,,600.00,,true,Business Payment,254712345678 - JOHN DOE,,"
	charge := "QGR7I8K2LM,AT,AT,Business Payment Charge,Completed,,22.40,,true,Business Payment Charge,,,"
	for name, rows := range map[string][]string{"oldest first": {out, charge}, "newest first": {charge, out}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, string(channel.Sandbox))
			by := commands.By{Actor: "test", Merchant: w.merchant}
			want := payout.Request{
				Policy: payout.Policy{Install: payout.Limits{}.Evolve(payout.PolicySet{Currency: "KES", Limit: 1000_00})},
				Requested: payout.Requested{
					Reference: ref, ID: 1, Merchant: w.merchant, Mode: w.mode, Channel: 1, Funds: fee.OfMerchant, Amount: kes(600_00),
					Destination: payout.Destination{Kind: payout.ToPhone, Number: "254712345678"}, RequestedBy: "key:a", At: w.clock.now(),
				},
			}
			if err := appended(w, ref.Stream(), want, by); err != nil {
				t.Fatal(err)
			}
			if err := appended(w, ref.Stream(), payout.Send{At: w.clock.now()}, by); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				imp := w.importRows(rows...)
				if imp.Open() != 0 {
					t.Errorf("%d differences are open: %+v", imp.Open(), imp.Items())
				}
				for _, i := range imp.Items() {
					if i.Cause != reconciliation.Fee || i.Entry != reconciliation.EntryFee || i.Reference != string(ref) || i.Action != journal.Recorded {
						t.Errorf("a difference is %+v", i)
					}
				}
				s, err := commands.Fold[payout.State](t.Context(), w.write, ref.Stream())
				if err != nil || s.State.Status != payout.Paid || s.State.Receipt != "QGR7I8K2LM" || s.State.Charge == nil || *s.State.Charge != kes(22_40) {
					t.Fatalf("the payout is %+v, %v", s.State, err)
				}
				rows = append(rows, "QGR7I8K2LN,AT,AT,Business Payment Charge,Completed,,0.00,,true,Business Payment Charge,,,") // another file
			}
		})
	}
}
