package payout

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

func TestWhatIsCountedOnceIsNotCountedAgain(t *testing.T) {
	entries := []Entry{{Position: 10, Standing: 500, Owed: 450}, {Position: 12, Standing: -200}, {Position: 19, Standing: 30, Owed: 30}}
	var s Count
	count := func(entries ...Entry) int {
		events, err := CountUp{Channel: 3, Currency: money.KES, Entries: entries, At: t0}.Decide(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s = s.Evolve(e)
		}
		return len(events)
	}
	if count(entries[:2]...) != 1 || count(entries[:2]...) != 0 || count(entries...) != 1 || count() != 0 {
		t.Error("counted too often, or not at all")
	}
	if s != (Count{Through: 19, Standing: 330, Owed: 480}) || s.Of(fee.OfMerchant) != 330 || s.Of(fee.OfPool) != 480 {
		t.Errorf("%+v", s)
	}
}

func TestMoneyIsSetApartUntilItIsKnownThatNothingWasPaid(t *testing.T) {
	var s Funds
	do := func(c domain.Command[Funds]) int {
		t.Helper()
		events, err := c.Decide(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s = s.Evolve(e)
		}
		return len(events)
	}
	reserve := func(r Reference, minor int64) Reserve {
		return Reserve{Channel: 3, Merchant: 1, Payout: r, Amount: money.Of(minor, money.KES), Counted: 100, At: t0}
	}
	payout := func(r Reference, st Status, came, charge int64) Account {
		p := State{Status: st, Came: money.Of(came, money.KES)}
		p.Reference, p.Funds = r, fee.OfMerchant
		if charge != 0 {
			c := money.Of(charge, money.KES)
			p.Charge = &c
		}
		return Account{Channel: 3, Payout: p, At: t0}
	}
	do(reserve("A", 60))
	if do(reserve("A", 60)) != 0 {
		t.Error("reserved twice for one payout")
	}
	if _, err := reserve("B", 41).Decide(s); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("more than there is: %v", err)
	}
	do(reserve("B", 40))
	if do(payout("A", Pending, 0, 0))+do(payout("A", Ready, 0, 0))+do(payout("A", Waiting, 0, 0)) != 0 || s.Taken() != 100 {
		t.Errorf("%d are taken", s.Taken())
	}
	do(payout("B", Refused, 0, 0))
	if do(payout("B", Refused, 0, 0)) != 0 || s.Taken() != 60 {
		t.Errorf("%d are taken after one was refused", s.Taken())
	}
	do(payout("B", Paid, 40, 0)) // after all
	do(payout("B", Paid, 40, 3))
	if do(payout("B", Paid, 40, 0))+do(payout("B", Refused, 0, 0)) != 0 || s.Taken() != 103 || s.Takes("B") != 43 {
		t.Errorf("%d are taken: an older reading of the payout counted", s.Taken())
	}
	if do(payout("B", Refused, 40, 3)) != 1 || do(payout("B", Refused, 40, 3)) != 0 || s.Taken() != 63 {
		t.Errorf("%d are taken after B was found not to be paid, which cost 3", s.Taken())
	}
	do(payout("A", Paid, 60, 0))
	if do(payout("A", Refused, 60, 0)) != 1 || s.Taken() != 3 {
		t.Errorf("%d are taken after A was found not to be paid", s.Taken())
	}
	if do(payout("A", Paid, 60, 0)) != 1 || s.Taken() != 63 {
		t.Errorf("%d are taken after A was paid after all", s.Taken())
	}
	pool := payout("C", Paid, 10, 4)
	pool.Payout.Funds = fee.OfPool
	do(pool)
	if s.Takes("C") != 10 {
		t.Errorf("the pool's charge is the merchant's: %d", s.Takes("C"))
	}
}

// However many come at once, and whatever becomes of them: what is set apart and what is gone is never more than there was
// when it was reserved, and what is left is what was neither.
func TestPayoutsAtOnceNeverTakeMoreThanThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counted := rapid.Int64Range(0, 500).Draw(t, "counted")
		var s Funds
		log := []domain.Event{}
		carry := func(c domain.Command[Funds], stale Funds) error {
			if _, err := c.Decide(stale); err != nil { // what a twin on another node saw before it lost the race for the revision
				return err
			}
			events, err := c.Decide(s)
			for _, e := range events {
				s, log = s.Evolve(e), append(log, e)
			}
			return err
		}
		held := map[Reference]int64{}
		paid := map[Reference]bool{}
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			stale := refold(log[:rapid.IntRange(0, len(log)).Draw(t, "seen")])
			r := Reference(fmt.Sprint("P", rapid.IntRange(0, 6).Draw(t, "payout")))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				amount := rapid.Int64Range(1, 200).Draw(t, "amount")
				err := carry(Reserve{Channel: 3, Payout: r, Amount: money.Of(amount, money.KES), Counted: counted, At: at(i)}, stale)
				if _, ok := held[r]; err == nil && !ok {
					held[r] = amount
				}
			case 2:
				if minor, ok := held[r]; ok {
					st := Paid
					if !paid[r] && rapid.Bool().Draw(t, "fails") {
						st = Refused
					}
					p := State{Status: st, Came: money.Of(minor, money.KES)}
					p.Reference = r
					if err := carry(Account{Channel: 3, Payout: p, At: at(i)}, stale); err != nil {
						t.Fatal(err)
					}
					if st == Refused {
						delete(held, r)
					} else {
						paid[r] = true
					}
				}
			case 3: // money comes
				counted += rapid.Int64Range(0, 50).Draw(t, "comes")
			}
			var sum int64
			for _, minor := range held {
				sum += minor
			}
			if s.Taken() != sum || sum > counted {
				t.Fatalf("%d are taken, %d should be, of %d", s.Taken(), sum, counted)
			}
			if again := refold(log); again.Taken() != s.Taken() {
				t.Fatalf("a replay takes %d, not %d", again.Taken(), s.Taken())
			}
		}
	})
}

func refold(log []domain.Event) (s Funds) {
	for _, e := range log {
		s = s.Evolve(e)
	}
	return s
}
