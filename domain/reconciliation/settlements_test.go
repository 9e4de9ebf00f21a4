package reconciliation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
)

func settlements() Scope {
	s := mpesa()
	s.Source, s.Zone = SourcePaystackSettlement, time.FixedZone("EAT", 3*60*60)
	return s
}

// card is a card payment of the shillings with a fee of one in a hundred.
func card(n int, shillings int64, settlement string, at time.Time) Payment {
	return Payment{
		Reference: fmt.Sprintf("KIPAY%d", n), Channel: 1, Asked: true, Amount: kes(shillings), Status: StatusCompleted, OpenedAt: at, Settlement: settlement,
		Receipts: []Receipt{{Number: fmt.Sprint(4_000_000 + n), Amount: kes(shillings), PaidAt: at, CreditedAt: at}},
		Fee:      money.Of(shillings, money.KES), FeeAt: at,
	}
}

func settled(number int, kind Kind, id string, minor int64, at time.Time) Line {
	return Line{Number: number, Kind: kind, Receipt: id, Amount: money.Of(minor, money.KES), At: at}
}

func TestASettlementIsManyPayments(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2025, 11, n, 9, 0, 0, 0, time.UTC) }
	late := time.Date(2025, 11, 29, 9, 0, 0, 0, time.UTC)
	many := func(id string) []any {
		return []any{card(1, 1000, id, day(3)), card(2, 2000, id, day(3)), card(3, 500, id, day(4))}
	}
	for name, test := range map[string]struct {
		books []any
		lines []any
		want  []is
	}{
		"those that the provider names": {
			many("901"),
			[]any{settled(2, KindSettlement, "901", 350_000, day(5)), settled(2, KindCharge, "901", -3_500, day(5))},
			[]is{
				{2, "", RuleSettlement, "", "", "0"},
				{2, "", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY2", RuleSettlement, "", "", "0"},
				{2, "KIPAY2", RuleSettlement, "", "", "0"},
				{2, "KIPAY3", RuleSettlement, "", "", "0"},
				{2, "KIPAY3", RuleSettlement, "", "", "0"},
			},
		},
		"a line that shows only the net": {
			many("901"),
			[]any{settled(2, KindSettlement, "901", 346_500, day(5))},
			[]is{
				{2, "", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY2", RuleSettlement, "", "", "0"},
				{2, "KIPAY2", RuleSettlement, "", "", "0"},
				{2, "KIPAY3", RuleSettlement, "", "", "0"},
				{2, "KIPAY3", RuleSettlement, "", "", "0"},
			},
		},
		"fees that differ": {
			[]any{card(1, 1000, "901", day(3))},
			[]any{settled(2, KindSettlement, "901", 100_000, day(5)), settled(2, KindCharge, "901", -1_500, day(5))},
			[]is{{2, "", RuleSettlement, Fee, Explained, "-5"}, {2, "", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}},
		},
		"a cent a payment is rounding": {
			[]any{card(1, 1000, "901", day(3))},
			[]any{settled(2, KindSettlement, "901", 99_001, day(5))},
			[]is{{2, "", RuleSettlement, Rounding, Explained, "0.01"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}},
		},
		"more is unexplained": {
			[]any{card(1, 1000, "901", day(3))},
			[]any{settled(2, KindSettlement, "901", 99_500, day(5))},
			[]is{{2, "", RuleSettlement, Unexplained, Open, "5"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}},
		},
		"all of a run of days, when none is named": {
			[]any{card(1, 1000, "", day(3)), card(2, 2000, "", day(4)), card(3, 700, "", day(5))},
			[]any{settled(2, KindSettlement, "901", 297_000, day(6))},
			[]is{
				{2, "", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY2", RuleSettlement, "", "", "0"},
				{2, "KIPAY2", RuleSettlement, "", "", "0"},
				{0, "KIPAY3", RuleUnmatched, Unexplained, Open, "-700"},
				{0, "KIPAY3", RuleUnmatched, Unexplained, Open, "7"},
			},
		},
		"two runs of days fit": {
			[]any{card(1, 1000, "", day(3)), card(2, 1000, "", day(4))},
			[]any{settled(2, KindSettlement, "901", 99_000, day(6))},
			[]is{
				{2, "", RuleSettlement, Unexplained, Open, "990"},
				{0, "KIPAY1", RuleUnmatched, Unexplained, Open, "-1000"},
				{0, "KIPAY1", RuleUnmatched, Unexplained, Open, "10"},
				{0, "KIPAY2", RuleUnmatched, Unexplained, Open, "-1000"},
				{0, "KIPAY2", RuleUnmatched, Unexplained, Open, "10"},
			},
		},
		"two settlements fit one day": {
			[]any{card(1, 1000, "", day(3))},
			[]any{settled(2, KindSettlement, "901", 99_000, day(4)), settled(3, KindSettlement, "902", 99_000, day(5))},
			[]is{
				{2, "", RuleUnmatched, Unexplained, Open, "990"},
				{3, "", RuleUnmatched, Unexplained, Open, "990"},
				{0, "KIPAY1", RuleUnmatched, Unexplained, Open, "-1000"},
				{0, "KIPAY1", RuleUnmatched, Unexplained, Open, "10"},
			},
		},
		"one that was paid at another channel too": {
			[]any{with(card(1, 1000, "", day(3)), func(p *Payment) {
				p.Receipts = append(p.Receipts, Receipt{Number: "SKW0000001", Amount: kes(1000), PaidAt: day(4), CreditedAt: day(4), Channel: 2})
			})},
			[]any{settled(2, KindSettlement, "901", 99_000, day(5))},
			[]is{{2, "", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}},
		},
		"a later settlement": {
			[]any{card(1, 1000, "902", day(3)), card(2, 300, "", late)},
			nil,
			[]is{
				{0, "KIPAY1", RuleUnmatched, Timing, Explained, "-1000"},
				{0, "KIPAY1", RuleUnmatched, Timing, Explained, "10"},
				{0, "KIPAY2", RuleUnmatched, Timing, Explained, "-300"},
				{0, "KIPAY2", RuleUnmatched, Timing, Explained, "3"},
			},
		},
		"paid in an earlier period": {
			[]any{card(1, 1000, "901", begin.AddDate(0, 0, -1))},
			[]any{settled(2, KindSettlement, "901", 99_000, day(2))},
			[]is{{2, "", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, Timing, Explained, "1000"}, {2, "KIPAY1", RuleSettlement, Timing, Explained, "-10"}},
		},
		"what is held back for a refund": {
			[]any{card(1, 1000, "901", day(3)), Refund{Reference: "RFD1", Payment: "KIPAY0", Channel: 1, Amount: kes(200), Settlement: "901", SentAt: day(3), BookedAt: day(3)}},
			[]any{settled(2, KindSettlement, "901", 100_000, day(5)), settled(2, KindCharge, "901", -1_000, day(5)), settled(2, KindSettlementRefund, "901", -20_000, day(5))},
			[]is{
				{2, "", RuleSettlement, "", "", "0"},
				{2, "", RuleSettlement, "", "", "0"},
				{2, "", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "KIPAY1", RuleSettlement, "", "", "0"},
				{2, "RFD1", RuleSettlement, "", "", "0"},
			},
		},
		"a settlement that stands there twice": {
			[]any{card(1, 1000, "901", day(3))},
			[]any{settled(2, KindSettlement, "901", 99_000, day(5)), settled(3, KindSettlement, "901", 99_000, day(5))},
			[]is{{2, "", RuleSettlement, "", "", "0"}, {3, "", RuleSettlement, Unexplained, Open, "990"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}, {2, "KIPAY1", RuleSettlement, "", "", "0"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, totals := reconcile(t, settlements(), append(test.books, test.lines...)...)
			expect(t, got, test.want...)
			if err := totals.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDaysOfSettlementsAreThoseOfTheZone(t *testing.T) {
	// 22:30 UTC on the 3rd is the 4th in Nairobi: it is in the settlement of the 4th's payments.
	books := []any{card(1, 1000, "", time.Date(2025, 11, 3, 22, 30, 0, 0, time.UTC)), card(2, 500, "", time.Date(2025, 11, 3, 9, 0, 0, 0, time.UTC))}
	line := settled(2, KindSettlement, "901", 99_000, time.Date(2025, 11, 5, 6, 0, 0, 0, time.UTC))
	_, totals := reconcile(t, settlements(), append(books, line)...)
	if totals.ByRule[RuleSettlement] != 1 || totals.Unexplained != money.Of(-49_500, money.KES) {
		t.Errorf("%+v", totals)
	}
}

func TestWhatABankShows(t *testing.T) {
	bank := mpesa()
	bank.Source, bank.Channel = SourceBank, 0
	day := func(n int) time.Time { return time.Date(2025, 11, n, 9, 0, 0, 0, time.UTC) }
	in := func(number int, details string, minor int64, at time.Time) Line {
		return Line{Number: number, Kind: KindPayment, Details: details, Amount: money.Of(minor, money.KES), At: at}
	}
	payout := Payout{Reference: "SETTLEMENT-901", Channel: 3, Kind: KindSettlement, Amount: kes(990), Incoming: true, Settlement: "901", SentAt: day(4), BookedAt: day(4)}
	withdrawal := Payout{Reference: "WITHDRAW-7", Channel: 1, Kind: KindWithdrawalToBank, Amount: kes(5000), Incoming: true, Receipt: "SKW0000007", SentAt: day(4), BookedAt: day(4)}
	for name, test := range map[string]struct {
		parts []any
		want  []is
	}{
		"a settlement whose name is in the text": {
			[]any{payout, in(1, "PAYSTACK /Settlement-901/ NAIROBI", 99_000, day(5))},
			[]is{{1, "SETTLEMENT-901", RuleReference, "", "", "0"}},
		},
		"a withdrawal by M-Pesa's receipt": {
			[]any{withdrawal, in(1, "MPESA C2B skw0000007", 499_000, day(5))},
			[]is{{1, "WITHDRAW-7", RuleReference, WrongAmount, Open, "-10"}},
		},
		"two names in one text": {
			[]any{payout, withdrawal, in(1, "SETTLEMENT901 WITHDRAW7", 99_000, day(20))},
			[]is{
				{1, "", RuleUnmatched, UnknownPayer, Open, "990"},
				{0, "SETTLEMENT-901", RuleUnmatched, Unexplained, Open, "-990"},
				{0, "WITHDRAW-7", RuleUnmatched, Unexplained, Open, "-5000"},
			},
		},
		"a settlement by amount and day": {
			[]any{payout, in(1, "PAYSTACK", 99_000, day(5))},
			[]is{{1, "SETTLEMENT-901", RuleSettlement, "", "", "0"}},
		},
		"two lines of its amount": {
			[]any{payout, in(1, "PAYSTACK", 99_000, day(5)), in(2, "SOMEBODY", 99_000, day(6))},
			[]is{
				{1, "", RuleAmountTime, Unexplained, Open, "990"},
				{2, "", RuleAmountTime, Unexplained, Open, "990"},
				{0, "SETTLEMENT-901", RuleUnmatched, Unexplained, Open, "-990"},
			},
		},
		"its payments, when the settlement was not given": {
			[]any{card(1, 600, "905", day(3)), card(2, 400, "905", day(3)), in(1, "PAYSTACK", 99_000, day(5))},
			[]is{{1, "905", RuleSettlement, "", "", "0"}},
		},
		"a settlement on its way": {
			[]any{with(payout, func(p *Payout) { p.SentAt = time.Date(2025, 11, 29, 9, 0, 0, 0, time.UTC); p.BookedAt = p.SentAt })},
			[]is{{0, "SETTLEMENT-901", RuleUnmatched, Timing, Explained, "-990"}},
		},
		"what is the bank's own": {
			[]any{settled(1, KindFee, "", -5_000, day(5)), in(2, "RENT", 70_000, day(6)), settled(3, KindPayout, "", -30_000, day(6))},
			[]is{{1, "", RuleLineKind, Fee, Explained, "-50"}, {2, "", RuleUnmatched, UnknownPayer, Open, "700"}, {3, "", RuleUnmatched, Unexplained, Open, "-300"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := reconcile(t, bank, test.parts...)
			expect(t, got, test.want...)
		})
	}
}
