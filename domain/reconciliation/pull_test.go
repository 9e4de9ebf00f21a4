package reconciliation_test

import (
	"testing"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
)

func TestAListOfPaymentsMissesNothingElse(t *testing.T) {
	scope := with(mpesa(), func(s *Scope) { s.Source = SourceMpesaPull })
	charged := with(under(pushed("KIPAY1", "ORDER-1", 500), "SKA0000001"), func(p *Payment) { p.Fee, p.FeeAt = money.Of(275, money.KES), noon })
	results, totals := reconcile(t, scope,
		charged, under(pushed("KIPAY2", "ORDER-2", 70), "SKA0000002"), pushed("KIPAY3", "", 900),
		Refund{Reference: "RF1", Payment: "KIPAY1", Channel: 1, Amount: kes(20), Status: StatusCompleted, SentAt: noon, BookedAt: noon},
		Payout{Reference: "PO1", Channel: 1, Kind: KindPayout, Amount: kes(100), Status: StatusCompleted, Receipt: "SKA0000009", SentAt: noon, BookedAt: noon},
		paidIn(1, "SKA0000001", "ORDER1", 500), paidIn(2, "SKA0000003", "", 900), paidIn(3, "SKA0000004", "NOBODY", 55),
	)
	expect(t, results,
		is{1, "KIPAY1", RuleReceipt, "", "", "0"},
		is{2, "KIPAY3", RuleAmountPhoneTime, MissingCallback, Open, "900"},
		is{3, "", RuleUnmatched, UnknownPayer, Open, "55"},
		is{0, "KIPAY2", RuleUnmatched, Unexplained, Open, "-70"},
	)
	if totals.Books != kes(570) || totals.Statement != kes(1455) {
		t.Errorf("books %s, list %s", totals.Books, totals.Statement)
	}
}
