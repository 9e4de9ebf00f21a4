package reconciliation_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/benfex/kipay/domain/reconciliation"
)

func TestWhatALineIsSaidToBe(t *testing.T) {
	order := pushed("KIPAY1", "ORDER-1", 500)
	late := func(l *Line) { l.At = noon.Add(48 * time.Hour) }
	for name, test := range map[string]struct {
		parts []any
		want  []is
	}{
		"the receipt of a payment of ours": {
			[]any{under(order, "SKA0000001"), paidIn(8, "SKA0000001", "x", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}},
		},
		"another amount under that receipt": {
			[]any{under(order, "SKA0000001"), paidIn(8, "SKA0000001", "x", 400)},
			[]is{{8, "KIPAY1", RuleReceipt, WrongAmount, Open, "-100"}},
		},
		"cents that M-Pesa rounds away": {
			[]any{with(under(order, "SKA0000001"), func(p *Payment) { p.Receipts[0].Amount.Minor -= 50 }), paidIn(8, "SKA0000001", "x", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, Rounding, Explained, "0.5"}},
		},
		"a lost callback, by the account that was sent": {
			[]any{order, paidIn(8, "SKA0000001", "ORDER1", 500)},
			[]is{{8, "KIPAY1", RuleReference, MissingCallback, Open, "500"}},
		},
		"a lost callback, by our own reference, cut": {
			[]any{pushed("KIPAY0123456789ABCDEF", "", 500), paidIn(8, "SKA0000001", "kipay 0123456", 500)},
			[]is{{8, "KIPAY0123456789ABCDEF", RuleReference, MissingCallback, Open, "500"}},
		},
		"part of what was asked for, by account and phone": {
			[]any{order, paidIn(8, "SKA0000001", "ORDER1", 300)},
			[]is{{8, "KIPAY1", RuleReference, MissingCallback, Open, "300"}},
		},
		"another amount, account and phone of somebody else": {
			[]any{order, with(paidIn(8, "SKA0000001", "ORDER1", 300), func(l *Line) { l.Phone = other })},
			[]is{{8, "", RuleReference, Unexplained, Open, "300"}},
		},
		"the rest of what was paid in part": {
			[]any{
				with(order, func(p *Payment) {
					p.Receipts = []Receipt{{Number: "SKA0000001", Amount: kes(200), PaidAt: noon, CreditedAt: noon}}
				}),
				paidIn(8, "SKA0000001", "ORDER1", 200), paidIn(9, "SKA0000002", "ORDER1", 300),
			},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {9, "KIPAY1", RuleReference, MissingCallback, Open, "300"}},
		},
		"a lost callback, by amount, phone and time": {
			[]any{order, paidIn(8, "SKA0000001", "", 500)},
			[]is{{8, "KIPAY1", RuleAmountPhoneTime, MissingCallback, Open, "500"}},
		},
		"the same two days later": {
			[]any{order, with(paidIn(8, "SKA0000001", "", 500), late)},
			[]is{{8, "", RuleUnmatched, UnknownPayer, Open, "500"}},
		},
		"the same from another phone": {
			[]any{order, with(paidIn(8, "SKA0000001", "", 500), func(l *Line) { l.Phone = "25470****109" })},
			[]is{{8, "", RuleUnmatched, UnknownPayer, Open, "500"}},
		},
		"the same after the provider had refused it": {
			[]any{with(order, func(p *Payment) { p.Attempts[0].Refused = true }), paidIn(8, "SKA0000001", "", 500)},
			[]is{{8, "", RuleUnmatched, UnknownPayer, Open, "500"}},
		},
		"an account that a spreadsheet damaged is not compared": {
			[]any{order, with(paidIn(8, "SKA0000001", "ORDER1", 500), func(l *Line) { l.AccountUnsure, l.Phone = true, other })},
			[]is{{8, "", RuleUnmatched, UnknownPayer, Open, "500"}},
		},
		"PAYMENT is nobody's account": {
			[]any{pushed("KIPAY1", "PAYMENT", 500), with(paidIn(8, "SKA0000001", "PAYMENT", 500), func(l *Line) { l.Phone = other })},
			[]is{{8, "", RuleUnmatched, UnknownPayer, Open, "500"}},
		},
		"two customers with one reference, told apart by phone": {
			[]any{
				pushed("KIPAY1", "RENT", 500), with(pushed("KIPAY2", "RENT", 500), func(p *Payment) { p.Attempts[0].Phone = other }),
				paidIn(8, "SKA0000001", "RENT", 500),
			},
			[]is{{8, "KIPAY1", RuleReference, MissingCallback, Open, "500"}},
		},
		"two pushes with one reference and phone": {
			[]any{pushed("KIPAY1", "RENT", 500), pushed("KIPAY2", "RENT", 500), paidIn(8, "SKA0000001", "RENT", 500)},
			[]is{{8, "", RuleReference, Unexplained, Open, "500"}},
		},
		"two pushes, of which the provider refused one": {
			[]any{
				with(pushed("KIPAY1", "RENT", 500), func(p *Payment) { p.Attempts[0].Refused = true }), pushed("KIPAY2", "RENT", 500),
				paidIn(8, "SKA0000001", "RENT", 500),
			},
			[]is{{8, "KIPAY2", RuleReference, MissingCallback, Open, "500"}},
		},
		"completed without a receipt, found": {
			[]any{under(order, ""), paidIn(8, "SKA0000001", "ORDER1", 500)},
			[]is{{8, "KIPAY1", RuleReference, "", "", "0"}},
		},
		"completed without a receipt, of another amount": {
			[]any{under(order, ""), paidIn(8, "SKA0000001", "ORDER1", 450)},
			[]is{{8, "KIPAY1", RuleReference, WrongAmount, Open, "-50"}},
		},
		"one reference, paid twice": {
			[]any{under(order, "SKA0000001"), paidIn(8, "SKA0000001", "ORDER1", 500), with(paidIn(9, "SKA0000002", "ORDER1", 500), late)},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {9, "KIPAY1", RuleReference, Duplicate, Open, "500"}},
		},
		"one reference, paid twice, and the books know": {
			[]any{under(order, "SKA0000001", "SKA0000002"), paidIn(8, "SKA0000001", "ORDER1", 500), paidIn(9, "SKA0000002", "ORDER1", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {9, "KIPAY1", RuleReceipt, Duplicate, Open, "0"}},
		},
		"an account that customers pay to, no confirmation": {
			[]any{
				with(under(pushed("KIPAY1", "ACC7", 500), "SKA0000001"), func(p *Payment) { p.Asked, p.Attempts = false, nil }),
				paidIn(8, "SKA0000001", "ACC7", 500), paidIn(9, "SKA0000002", "ACC7", 200),
			},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {9, "", RuleReference, MissingCallback, Open, "200"}},
		},
		"a receipt that another channel has": {
			[]any{with(under(order, "SKA0000001"), func(p *Payment) { p.Channel = 2 }), paidIn(8, "SKA0000001", "x", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, WrongAccount, Open, "500"}},
		},
		"a reference that another channel waits for": {
			[]any{with(order, func(p *Payment) { p.Channel = 2 }), paidIn(8, "SKA0000001", "ORDER1", 500)},
			[]is{{8, "KIPAY1", RuleReference, WrongAccount, Open, "500"}},
		},
		"a line that stands there twice": {
			[]any{under(order, "SKA0000001"), paidIn(8, "SKA0000001", "x", 500), paidIn(9, "SKA0000001", "x", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {9, "KIPAY1", RuleReceipt, Unexplained, Open, "500"}},
		},
		"a line that stands there twice, first with another amount": {
			[]any{under(order, "SKA0000001"), paidIn(8, "SKA0000001", "x", 5), paidIn(9, "SKA0000001", "x", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, Unexplained, Open, "5"}, {9, "KIPAY1", RuleReceipt, "", "", "0"}},
		},
		"a notice that was waiting for a confirmation": {
			[]any{with(under(order, "SKA0000001"), func(p *Payment) { p.Status, p.Receipts[0].CreditedAt = StatusPending, time.Time{} }), paidIn(8, "SKA0000001", "x", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, MissingCallback, Open, "500"}},
		},
		"booked in another month, and of another amount": {
			[]any{with(under(order, "SKA0000001"), func(p *Payment) { p.Receipts[0].CreditedAt = end }), paidIn(8, "SKA0000001", "x", 450)},
			[]is{{8, "KIPAY1", RuleReceipt, Timing, Explained, "500"}, {8, "KIPAY1", RuleReceipt, WrongAmount, Open, "-50"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := reconcile(t, mpesa(), test.parts...)
			expect(t, got, test.want...)
		})
	}
}

func TestWhatMoneyOutIsSaidToBe(t *testing.T) {
	sale := under(pushed("KIPAY1", "ORDER1", 500), "SKA0000001")
	line := paidIn(8, "SKA0000001", "ORDER1", 500)
	clean := is{8, "KIPAY1", RuleReceipt, "", "", "0"}
	refund := Refund{Reference: "RFD1", Payment: "KIPAY1", Channel: 1, Amount: kes(500), SentAt: noon.Add(50 * time.Minute)}
	booked := with(refund, func(r *Refund) { r.BookedAt = r.SentAt })
	for name, test := range map[string]struct {
		parts []any
		want  []is
	}{
		"a charge under the payment's receipt":      {[]any{moved(9, KindCharge, "SKA0000001", "", -5)}, []is{clean, {9, "KIPAY1", RuleReceipt, Fee, Explained, "-5"}}},
		"a charge that is linked to the payment":    {[]any{moved(9, KindCharge, "SKA0000009", "SKA0000001", -5)}, []is{clean, {9, "KIPAY1", RuleReceipt, Fee, Explained, "-5"}}},
		"a charge for something unknown":            {[]any{moved(9, KindCharge, "SKA0000009", "", -5)}, []is{clean, {9, "", RuleLineKind, Fee, Explained, "-5"}}},
		"a fee for nothing in particular":           {[]any{moved(9, KindFee, "SKA0000009", "", -5)}, []is{clean, {9, "", RuleLineKind, Fee, Explained, "-5"}}},
		"a reversal the books don't know":           {[]any{moved(9, KindReversal, "SKA0000009", "SKA0000001", -500)}, []is{clean, {9, "KIPAY1", RuleReceipt, Reversal, Open, "-500"}}},
		"a reversal of a line of this statement":    {[]any{paidIn(9, "SKA0000002", "STRAY", 70), moved(10, KindReversal, "SKA0000009", "SKA0000002", -70)}, []is{clean, {9, "", RuleUnmatched, UnknownPayer, Open, "70"}, {10, "", RuleReceipt, Reversal, Open, "-70"}}},
		"a reversal of nothing that is known":       {[]any{moved(9, KindReversal, "SKA0000009", "SKA0000003", -70)}, []is{clean, {9, "", RuleUnmatched, Unexplained, Open, "-70"}}},
		"our refund, by its receipt":                {[]any{with(booked, func(r *Refund) { r.Receipt = "SKA0000009" }), moved(9, KindReversal, "SKA0000009", "SKA0000001", -500)}, []is{clean, {9, "RFD1", RuleReceipt, "", "", "0"}}},
		"our refund, by the payment":                {[]any{booked, moved(9, KindReversal, "SKA0000009", "SKA0000001", -500)}, []is{clean, {9, "RFD1", RuleReceipt, "", "", "0"}}},
		"a refund of another receipt":               {[]any{with(booked, func(r *Refund) { r.Receipt = "SKA0000007"; r.SentAt = end.Add(-time.Hour) }), moved(9, KindReversal, "SKA0000009", "SKA0000001", -500)}, []is{clean, {9, "KIPAY1", RuleReceipt, Reversal, Open, "-500"}, {0, "RFD1", RuleUnmatched, RefundInTransit, Explained, "500"}}},
		"a reversal without a receipt of its own":   {[]any{with(booked, func(r *Refund) { r.Receipt = "RF77" }), moved(9, KindReversal, "", "SKA0000001", -500)}, []is{clean, {9, "RFD1", RuleReceipt, "", "", "0"}}},
		"our refund without an answer":              {[]any{refund, moved(9, KindReversal, "SKA0000009", "SKA0000001", -500)}, []is{clean, {9, "RFD1", RuleReceipt, Reversal, Explained, "-500"}}},
		"our refund, not there yet":                 {[]any{with(booked, func(r *Refund) { r.SentAt = end.Add(-time.Hour) })}, []is{clean, {0, "RFD1", RuleUnmatched, RefundInTransit, Explained, "500"}}},
		"our refund, long not there":                {[]any{booked}, []is{clean, {0, "RFD1", RuleUnmatched, RefundInTransit, Open, "500"}}},
		"our refund, on the statement before":       {[]any{with(booked, func(r *Refund) { r.MovedAt = begin.Add(-time.Hour) })}, []is{clean, {0, "RFD1", RuleUnmatched, Timing, Explained, "500"}}},
		"our refund, sent and not booked":           {[]any{refund}, []is{clean, {0, "RFD1", RuleUnmatched, RefundInTransit, Open, "0"}}},
		"our refund that failed":                    {[]any{with(refund, func(r *Refund) { r.Status = StatusFailed })}, []is{clean}},
		"a reversal of one of two like refunds":     {[]any{booked, with(booked, func(r *Refund) { r.Reference = "RFD2" }), moved(9, KindReversal, "SKA0000009", "SKA0000001", -500)}, []is{clean, {9, "KIPAY1", RuleReceipt, Reversal, Open, "-500"}, {0, "RFD1", RuleUnmatched, RefundInTransit, Open, "500"}, {0, "RFD2", RuleUnmatched, RefundInTransit, Open, "500"}}},
		"a payout that nobody sent":                 {[]any{moved(9, KindPayout, "SKA0000009", "", -70)}, []is{clean, {9, "", RuleUnmatched, Unexplained, Open, "-70"}}},
		"a withdrawal that the books don't keep":    {[]any{moved(9, KindWithdrawalToBank, "SKA0000009", "", -70)}, []is{clean, {9, "", RuleLineKind, "", "", "0"}}},
		"a withdrawal that the books keep":          {[]any{Payout{Reference: "W1", Channel: 1, Kind: KindWithdrawalToBank, Amount: kes(70), SentAt: noon, BookedAt: noon}, moved(9, KindWithdrawalToBank, "SKA0000009", "", -70)}, []is{clean, {9, "W1", RuleAmountTime, "", "", "0"}}},
		"a withdrawal to the bank is no other kind": {[]any{Payout{Reference: "W1", Channel: 1, Kind: KindUtilityToMerchant, Amount: kes(70), SentAt: noon, BookedAt: noon}, moved(9, KindWithdrawalToBank, "SKA0000009", "", -70)}, []is{clean, {9, "", RuleLineKind, "", "", "0"}, {0, "W1", RuleUnmatched, Unexplained, Open, "70"}}},
		"a payout under its receipt":                {[]any{Payout{Reference: "P1", Channel: 1, Kind: KindPayout, Amount: kes(70), Receipt: "SKA0000009", SentAt: noon, BookedAt: noon}, moved(9, KindPayout, "SKA0000009", "", -75)}, []is{clean, {9, "P1", RuleReceipt, WrongAmount, Open, "-5"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, totals := reconcile(t, mpesa(), append([]any{sale, line}, test.parts...)...)
			expect(t, got, test.want...)
			if err := totals.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhyAPaymentIsNotOnTheStatement(t *testing.T) {
	sale := under(pushed("KIPAY1", "ORDER1", 500), "SKA0000001")
	paid := func(at time.Time) Payment { return with(sale, func(p *Payment) { p.Receipts[0].PaidAt = at }) }
	for name, test := range map[string]struct {
		parts []any
		want  []is
	}{
		"paid after its end":              {[]any{paid(end.Add(time.Minute))}, []is{{0, "KIPAY1", RuleUnmatched, Timing, Explained, "-500"}}},
		"paid before its begin":           {[]any{paid(begin.Add(-time.Minute))}, []is{{0, "KIPAY1", RuleUnmatched, Timing, Explained, "-500"}}},
		"paid in its last minute":         {[]any{paid(end.Add(-time.Minute))}, []is{{0, "KIPAY1", RuleUnmatched, Timing, Explained, "-500"}}},
		"shown on another channel's":      {[]any{sale, Elsewhere{Receipt: "SKA0000001", Channel: 2}}, []is{{0, "KIPAY1", RuleReceipt, WrongAccount, Open, "-500"}}},
		"shown on its own channel's":      {[]any{sale, Elsewhere{Receipt: "SKA0000001", Channel: 1}}, []is{{0, "KIPAY1", RuleUnmatched, Unexplained, Open, "-500"}}},
		"nowhere":                         {[]any{sale}, []is{{0, "KIPAY1", RuleUnmatched, Unexplained, Open, "-500"}}},
		"nowhere, but it waits for money": {[]any{pushed("KIPAY1", "ORDER1", 500)}, nil},
		"nowhere, but of another channel": {[]any{with(sale, func(p *Payment) { p.Channel = 2 })}, nil},
		"with the fee that was posted": {
			[]any{with(sale, func(p *Payment) { p.Fee, p.FeeAt = kes(5), noon }), paidIn(8, "SKA0000001", "ORDER1", 500)},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {0, "KIPAY1", RuleUnmatched, Fee, Explained, "5"}},
		},
		"with another fee than the charge": {
			[]any{with(sale, func(p *Payment) { p.Fee, p.FeeAt = kes(5), noon }), paidIn(8, "SKA0000001", "ORDER1", 500), moved(9, KindCharge, "SKA0000001", "", -7)},
			[]is{{8, "KIPAY1", RuleReceipt, "", "", "0"}, {9, "KIPAY1", RuleReceipt, Fee, Explained, "-2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := reconcile(t, mpesa(), test.parts...)
			expect(t, got, test.want...)
		})
	}
}

func TestAnAmbiguousLineNamesItsCandidates(t *testing.T) {
	got, _ := reconcile(t, mpesa(), pushed("KIPAY2", "RENT", 500), pushed("KIPAY1", "RENT", 500), paidIn(8, "SKA0000001", "RENT", 500))
	if len(got) != 1 || strings.Join(got[0].References, " ") != "KIPAY1 KIPAY2" {
		t.Errorf("%+v", got)
	}
	got, _ = reconcile(t, mpesa(), pushed("KIPAY2", "A", 500), pushed("KIPAY1", "B", 500), paidIn(8, "SKA0000001", "", 500))
	if len(got) != 1 || strings.Join(got[0].References, " ") != "KIPAY1 KIPAY2" || got[0].Rule != RuleAmountPhoneTime {
		t.Errorf("%+v", got)
	}
}

// Of a payout that was only sent, the books don't say that it was paid.
func TestWhatWasOnlySentIsNotCalledPaid(t *testing.T) {
	for status, want := range map[Status]string{StatusPending: "Sent in this period, and nobody has said yet", StatusCompleted: "In the books as paid"} {
		sent := Payout{Reference: "P1", Channel: 1, Kind: KindPayout, Amount: kes(70), Status: status, SentAt: noon, BookedAt: noon}
		got, _ := reconcile(t, mpesa(), sent)
		if len(got) != 1 || !strings.HasPrefix(got[0].Explanation, want) || got[0].Cause != Unexplained || got[0].State != Open {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

func TestNoExplanationHoldsPersonalData(t *testing.T) {
	got, _ := reconcile(
		t, mpesa(), pushed("KIPAY1", "ORDER1", 500), pushed("KIPAY2", "SECRET", 500), pushed("KIPAY3", "SECRET", 500), under(pushed("KIPAY4", "HIDDEN", 500), "SKA0000004"),
		paidIn(8, "SKA0000001", "ORDER1", 500), paidIn(9, "SKA0000002", "SECRET", 500), paidIn(10, "SKA0000003", "NOBODY", 20), paidIn(11, "SKA0000005", "HIDDEN", 500),
	)
	if len(got) != 5 {
		t.Fatalf("%+v", got)
	}
	for _, r := range got {
		said := r.Explanation + strings.Join(r.References, " ") + r.Reference
		for _, secret := range []string{"ORDER1", "SECRET", "NOBODY", "HIDDEN", payer, masked} {
			if r.Explanation == "" || strings.Contains(said, secret) {
				t.Errorf("%q says %q", said, secret)
			}
		}
	}
}

func TestAResultKeepsItsIdentity(t *testing.T) {
	line := with(paidIn(8, "SKA0000001", "STRAY", 500), func(l *Line) { l.Key = "k1" })
	first, _ := reconcile(t, mpesa(), line, under(pushed("KIPAY1", "A", 20), "SKA0000002"))
	again, _ := reconcile(t, mpesa(), with(line, func(l *Line) { l.Number = 900 }), under(pushed("KIPAY1", "A", 20), "SKA0000002"))
	for i := range first {
		if first[i].Identity() != again[i].Identity() || i > 0 && first[i].Identity() == first[0].Identity() {
			t.Errorf("%q and %q", first[i].Identity(), again[i].Identity())
		}
	}
	bare := Result{Line: 3, Kind: KindCharge, Receipt: "R", Cause: Fee}
	if bare.Identity() != "line:3:charge:R:fee" {
		t.Errorf("%q", bare.Identity())
	}
}

// The books held an estimate in one month, and what the provider reported of it in the next.
func TestAFeeThatWasCorrectedInAnotherMonth(t *testing.T) {
	paid := with(under(pushed("KIPAY1", "ORDER1", 1000), "SKA0000001"), func(p *Payment) {
		p.Fee, p.FeeAt, p.FeeLater = kes(6), noon, []Posted{{Amount: kes(1), At: end.Add(time.Hour)}}
	})
	line, charge := paidIn(1, "SKA0000001", "ORDER1", 1000), moved(2, KindCharge, "SKA0000001", "", -6)
	tied := is{1, "KIPAY1", RuleReceipt, "", "", "0"}
	next := mpesa()
	next.Period = Period{From: end, Until: end.AddDate(0, 1, 0)}
	for name, test := range map[string]struct {
		scope Scope
		parts []any
		books int64
		want  []is
	}{
		"the first month": {mpesa(), []any{paid, line, charge}, 995, []is{
			tied, {2, "KIPAY1", RuleReceipt, Timing, Explained, "-1"}, {2, "KIPAY1", RuleReceipt, "", "", "0"},
		}},
		"the second month": {next, []any{paid}, -1, []is{{0, "KIPAY1", RuleUnmatched, Timing, Explained, "1"}}},
		"an estimate of what cost nothing": {mpesa(), []any{with(paid, func(p *Payment) {
			p.Fee, p.FeeLater = kes(0), []Posted{{Amount: kes(-5), At: end.Add(time.Hour)}}
		}), line}, 995, []is{tied, {0, "KIPAY1", RuleUnmatched, Fee, Explained, "5"}}},
		"corrected in the same month": {mpesa(), []any{with(paid, func(p *Payment) { p.FeeLater = []Posted{{Amount: kes(1), At: noon.Add(time.Hour)}} }), line, charge}, 994, []is{
			tied, {2, "KIPAY1", RuleReceipt, "", "", "0"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			results, totals := reconcile(t, test.scope, test.parts...)
			expect(t, results, test.want...)
			if err := totals.Check(); err != nil || totals.Books != kes(test.books) {
				t.Errorf("the books count %s: %v", totals.Books, err)
			}
		})
	}
}
