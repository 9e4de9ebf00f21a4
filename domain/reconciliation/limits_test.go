package reconciliation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
)

func TestAScopeHasToSayEverything(t *testing.T) {
	for name, change := range map[string]func(*Scope){
		"source":        func(s *Scope) { s.Source = "tea_leaves" },
		"currency":      func(s *Scope) { s.Currency = "" },
		"begin":         func(s *Scope) { s.Period.From = time.Time{} },
		"end":           func(s *Scope) { s.Period.Until = s.Period.From },
		"channel":       func(s *Scope) { s.Channel = 0 },
		"negative span": func(s *Scope) { s.Late = -time.Second },
	} {
		if _, err := New(with(mpesa(), change)); !errors.Is(err, ErrScope) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bank := with(mpesa(), func(s *Scope) { s.Source, s.Channel = SourceBank, 0 })
	if _, err := New(bank); err != nil {
		t.Errorf("a bank's account belongs to no channel: %v", err)
	}
}

func TestWhatCannotBeComparedIsRefused(t *testing.T) {
	usd := money.Of(500, money.USD)
	huge := money.Of(MaxAmount+1, money.KES)
	for name, part := range map[string]any{
		"a line in another currency":    with(paidIn(8, "SKA0000001", "A", 5), func(l *Line) { l.Amount = usd }),
		"a payment in another currency": with(pushed("KIPAY1", "A", 5), func(p *Payment) { p.Amount = usd }),
		"a receipt in another currency": with(under(pushed("KIPAY1", "A", 5), "SKA0000001"), func(p *Payment) { p.Receipts[0].Amount = usd }),
		"a fee in another currency":     with(pushed("KIPAY1", "A", 5), func(p *Payment) { p.Fee = usd }),
		"a refund in another currency":  Refund{Reference: "RFD1", Amount: usd},
		"more than an int64 can sum up": with(paidIn(8, "SKA0000001", "A", 5), func(l *Line) { l.Amount = huge }),
		"a payment without a name":      pushed("", "A", 5),
		"a refund without a name":       Refund{Amount: kes(5)},
		"a refund of less than nothing": Refund{Reference: "RFD1", Amount: kes(-5)},
		"a payout that is a payment":    Payout{Reference: "P1", Kind: KindPayment, Amount: kes(5)},
		"more receipts than a bound":    with(pushed("KIPAY1", "A", 5), func(p *Payment) { p.Receipts = make([]Receipt, MaxReceipts+1) }),
		"more attempts than a bound":    with(pushed("KIPAY1", "A", 5), func(p *Payment) { p.Attempts = make([]Attempt, MaxAttempts+1) }),
	} {
		m, err := New(mpesa())
		if err != nil {
			t.Fatal(err)
		}
		if err := give(m, part); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestOneEntryWithTwoContentsIsAnError(t *testing.T) {
	for name, parts := range map[string][2]any{
		"payment": {under(pushed("KIPAY1", "A", 5), "SKA0000001"), under(pushed("KIPAY1", "A", 5), "SKA0000002")},
		"attempt": {pushed("KIPAY1", "A", 5), with(pushed("KIPAY1", "A", 5), func(p *Payment) { p.Attempts[0].Refused = true })},
		"refund":  {Refund{Reference: "KIPAY1", Amount: kes(5)}, Refund{Reference: "KIPAY1", Amount: kes(6)}},
	} {
		m, err := New(mpesa())
		if err == nil {
			err = give(m, parts[:]...)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Match(func(Result) error { return nil }); err == nil || !strings.Contains(err.Error(), "KIPAY1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAMatcherMatchesOnceAndStopsWhenItIsTold(t *testing.T) {
	m, err := New(mpesa())
	if err == nil {
		err = give(m, paidIn(8, "SKA0000001", "A", 5), paidIn(9, "SKA0000002", "A", 5), pushed("KIPAY1", "B", 7))
	}
	if err != nil {
		t.Fatal(err)
	}
	full, calls := errors.New("the disk is full"), 0
	if _, err := m.Match(func(Result) error { calls++; return full }); !errors.Is(err, full) || calls != 1 {
		t.Errorf("%v after %d results", err, calls)
	}
	if _, err := m.Match(func(Result) error { return nil }); !errors.Is(err, ErrUsed) {
		t.Errorf("the second time: %v", err)
	}
}

// TestManyAlikeAreTakenForNobody holds time and correctness where everything is the same: 20,000 pushes and lines under one
// account, of one amount.
func TestManyAlikeAreTakenForNobody(t *testing.T) {
	m, err := New(mpesa())
	if err != nil {
		t.Fatal(err)
	}
	const many = 20_000
	for i := range many {
		p := pushed("KIPAY"+strings.Repeat("0", 5)+time.Duration(i).String(), "RENT", 500)
		l := paidIn(8+i, "SKA"+time.Duration(i).String(), "RENT", 500)
		if i%2 == 1 {
			l.Account = ""
		}
		if err := give(m, p, l); err != nil {
			t.Fatal(err)
		}
	}
	totals, err := m.Match(func(r Result) error {
		if r.Reference != "" || r.Cause != Unexplained || len(r.References) > MaxNamed {
			return errors.New("line " + r.Receipt + " was matched to " + r.Reference)
		}
		return nil
	})
	if err != nil || totals.ByCause[Unexplained].Count != many {
		t.Errorf("%+v, %v", totals.ByCause, err)
	}
}
