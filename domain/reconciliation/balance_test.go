package reconciliation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain/money"
	. "github.com/benfex/kipay/domain/reconciliation"
)

// running are lines that move these cents, with the balances that follow from 100,000 of them; some show none.
func running(mute map[int]bool, cents ...int64) []Line {
	balance := int64(100_000)
	var lines []Line
	for i, c := range cents {
		balance += c
		l := Line{Number: 8 + i, Amount: money.Of(c, money.KES), At: noon.Add(time.Duration(i) * time.Minute)}
		if !mute[i] {
			b := money.Of(balance, money.KES)
			l.Balance = &b
		}
		lines = append(lines, l)
	}
	return lines
}

// turned are the lines as a portal shows them, the newest first.
func turned(lines []Line) []Line {
	lines = slices.Clone(lines)
	slices.Reverse(lines)
	for i := range lines {
		lines[i].Number = 8 + i
	}
	return lines
}

func checked(lines []Line) Balance {
	check := NewBalanceCheck(money.KES)
	for _, l := range lines {
		check.Add(l)
	}
	return check.Result()
}

func cents(n int64) money.Money { return money.Of(n, money.KES) }

func TestTheFirstLineWhoseBalanceBreaksIsNamed(t *testing.T) {
	lines := running(nil, 500, -200, 1000, 300, -50)
	wrong := cents(101_301)
	lines[2].Balance = &wrong // 101,300 would be right
	got := checked(lines)
	if got.Order != OldestFirst || got.Breaks != 2 || got.Checked != 4 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(&Break{Line: 10, Stated: wrong, Expected: cents(101_300)}, got.First); diff != "" {
		t.Errorf("oldest first (-want +got):\n%s", diff)
	}
	got = checked(turned(lines))
	if got.Order != NewestFirst || got.Breaks != 2 {
		t.Errorf("%+v", got)
	}
	// From above: the line before it doesn't follow from it.
	if diff := cmp.Diff(&Break{Line: 9, Stated: cents(101_600), Expected: cents(101_601)}, got.First); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
}

func TestARunningBalanceThatHoldsGivesOpeningAndClosing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moved := rapid.SliceOfN(rapid.Int64Range(-5000, 5000), 1, 30).Draw(t, "cents")
		mute := map[int]bool{}
		for i := range moved {
			mute[i] = rapid.IntRange(0, 3).Draw(t, "mute") == 0
		}
		sum, shown := int64(0), 0
		for i, c := range moved {
			sum += c
			if !mute[i] {
				shown++
			}
		}
		lines := running(mute, moved...)
		for order, file := range map[Order][]Line{OldestFirst: lines, NewestFirst: turned(lines)} {
			got := checked(file)
			if got.Breaks != 0 || got.First != nil || got.Lines != len(moved) || got.Moved != cents(sum) || got.Checked != max(0, shown-1) {
				t.Fatalf("%s: %+v", order, got)
			}
			if len(moved) > 1 && got.Order != order {
				t.Fatalf("%s: taken for %s", order, got.Order)
			}
			if shown == 0 {
				if got.Opening != nil || got.Closing != nil {
					t.Fatalf("balances from nowhere: %+v", got)
				}
				continue
			}
			if *got.Opening != cents(100_000) || *got.Closing != cents(100_000+sum) {
				t.Fatalf("%s: from %s to %s", order, *got.Opening, *got.Closing)
			}
		}
	})
}

func TestABalanceThatIsChangedAnywhereBreaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := running(nil, rapid.SliceOfN(rapid.Int64Range(-5000, 5000), 2, 30).Draw(t, "cents")...)
		if rapid.Bool().Draw(t, "turned") {
			lines = turned(lines)
		}
		at := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		b := lines[at].Balance.Add(cents(rapid.Int64Range(1, 1000).Draw(t, "off")))
		lines[at].Balance = &b
		if got := checked(lines); got.Breaks == 0 || got.First == nil || got.First.Line < lines[max(0, at-1)].Number || got.First.Line > lines[min(at+1, len(lines)-1)].Number {
			t.Fatalf("changed line %d: %+v", lines[at].Number, got)
		}
	})
}

func TestTheClearingAccountIsTiedToTheStatement(t *testing.T) {
	lines := []any{
		paidIn(8, "SKA0000001", "ORDER1", 500), moved(9, KindCharge, "SKA0000001", "", -5), paidIn(10, "SKA0000002", "STRAY", 70),
		moved(11, KindWithdrawalToBank, "SKA0000003", "", -300), moved(12, KindUtilityToMerchant, "SKA0000004", "", -100),
	}
	_, totals := reconcile(t, mpesa(), append([]any{under(pushed("KIPAY1", "ORDER1", 500), "SKA0000001")}, lines...)...)
	sum := Balance{Moved: kes(500 - 5 + 70 - 300 - 100)}
	step := func(name StepName, count int, amount, balance int64) Step {
		return Step{Name: name, Count: count, Amount: kes(amount), Balance: kes(balance)}
	}
	causes := []Step{step(StepName(Fee), 1, -5, 1495), step(StepName(UnknownPayer), 1, 70, 1565), step(StepWithdrawals, 1, -300, 1265), step(StepUtilityToMerchant, 1, -100, 1165)}
	for name, test := range map[string]struct {
		clearing, statement Account
		balance             Balance
		steps               []Step
		ties, proven        bool
	}{
		"step by step": {Account{kes(1000), kes(1500)}, Account{kes(1000), kes(1165)}, sum, causes, true, true},
		"from another opening": {
			Account{kes(990), kes(1490)},
			Account{kes(1000), kes(1165)},
			sum,
			append([]Step{step(StepOpening, 0, 10, 1500)}, causes...), true, false,
		},
		"with ledger entries that were not compared": {
			Account{kes(1000), kes(1520)},
			Account{kes(1000), kes(1165)},
			sum,
			append([]Step{step(StepNotGiven, 0, -20, 1500)}, causes...), false, false,
		},
		"with money beside the lines": {
			Account{kes(1000), kes(1500)},
			Account{kes(1000), kes(1164)},
			sum,
			append(slices.Clone(causes), step(StepNotOnLines, 0, -1, 1164)), false, false,
		},
		"with a break in the running balance": {
			Account{kes(1000), kes(1500)}, Account{kes(1000), kes(1165)}, with(sum, func(b *Balance) { b.Breaks = 1 }), causes, false, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Prove(test.clearing, test.statement, totals, test.balance)
			if err != nil {
				t.Fatal(err)
			}
			want := Proof{Clearing: test.clearing, Statement: test.statement, Steps: test.steps, Ties: test.ties, Proven: test.proven}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("proof (-want +got):\n%s", diff)
			}
		})
	}

	var broken *BrokenInvariant
	if _, err := Prove(Account{kes(0), kes(500)}, Account{kes(0), kes(1)}, totals, Balance{Moved: kes(1)}); !errors.As(err, &broken) {
		t.Errorf("lines that aren't those of the totals: %v", err)
	}
	if _, err := Prove(Account{kes(0), money.Of(1, money.USD)}, Account{kes(0), kes(1)}, totals, sum); !errors.Is(err, ErrCurrency) {
		t.Errorf("two currencies: %v", err)
	}
}

func TestWhatIsUnexplainedIsNotProven(t *testing.T) {
	_, totals := reconcile(t, mpesa(), under(pushed("KIPAY1", "ORDER1", 500), "SKA0000001"), moved(8, KindPayout, "SKA0000009", "", -500), paidIn(9, "SKA0000001", "ORDER1", 500))
	got, err := Prove(Account{kes(0), kes(500)}, Account{kes(0), kes(0)}, totals, Balance{Moved: kes(0)})
	if err != nil || !got.Ties || got.Proven {
		t.Errorf("%+v, %v", got, err)
	}
}
