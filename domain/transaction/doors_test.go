package transaction

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/receipt"
)

const alone = Reference("MPESA00000000000ALONE")

// ledger is three streams of one payment: the push that asked for it, the receipt, and the transaction that stands alone
// when the confirmation comes without its push.
type ledger struct {
	push, alone State
	receipt     receipt.State
}

func (l *ledger) decide(t *rapid.T, to *State, c domain.Command[State]) {
	before := *to
	events, err := c.Decide(before)
	if err != nil {
		t.Fatalf("%T failed with %v", c, err)
	}
	*to = fold(before, events...)
	holds(t, before, *to, events)
}

func (l *ledger) decideReceipt(t *rapid.T, c domain.Command[receipt.State]) {
	events, err := c.Decide(l.receipt)
	if err != nil {
		t.Fatalf("%T failed with %v", c, err)
	}
	for _, e := range events {
		l.receipt = l.receipt.Evolve(e)
	}
}

// door is the work of one notice: steps that may be interleaved with those of others, cut off anywhere by a crash, and
// started again. Each appends to one stream, or only looks (and remembers what it saw).
type door struct {
	steps []func(*rapid.T)
	next  int
}

func (d *door) done() bool            { return d.next == len(d.steps) }
func (d *door) step(t *rapid.T)       { d.steps[d.next](t); d.next++ }
func (d *door) restart(*rapid.T)      { d.next = 0 }
func nothingToDo(*rapid.T)            {}
func steps(s ...func(*rapid.T)) *door { return &door{steps: append(s, nothingToDo)} }

// stkDoor keeps the callback, claims the receipt for the push that asked for it, counts it there if it got it, and takes
// in the transaction that stood alone.
func (l *ledger) stkDoor() *door {
	success := paid("R1", kes(1000), 4)
	return steps(
		func(t *rapid.T) {
			l.decide(t, &l.push, ReceiveCallback{Door: DoorStkCallback, Attempt: 1, Digest: success.Digest, Raw: "{}", At: at(4)})
		},
		func(t *rapid.T) {
			l.decideReceipt(t, receipt.Claim{Provider: "mpesa", Number: "R1", Transaction: string(ref), Attempt: 1, Door: "stk_callback", Asked: true, At: at(4)})
		},
		func(t *rapid.T) {
			if l.receipt.Owner == string(ref) {
				l.decide(t, &l.push, success)
			}
		},
		func(t *rapid.T) {
			if l.receipt.StoodOnly != "" && l.alone.Exists() {
				l.decide(t, &l.alone, Merge{Into: ref, Receipt: "R1", At: at(5)})
			}
		},
	)
}

// c2bDoor keeps the confirmation, claims the receipt for the transaction that it would be, opens that if it got it, and
// looks again whether the push has taken the receipt meanwhile.
func (l *ledger) c2bDoor(d Door) *door {
	mine := false
	confirmation := receipt.Confirmation{
		Provider: "mpesa", Number: "R1", ID: 9, Transaction: string(alone), Merchant: 1, Channel: 3, Subject: "payment-9", Door: string(d),
		Trusted: d == DoorC2B, Amount: kes(1000), Digest: string(d), Raw: "{}", At: at(4),
	}
	return steps(
		func(t *rapid.T) { l.decideReceipt(t, receipt.Confirm{Confirmation: confirmation}) },
		func(t *rapid.T) {
			l.decideReceipt(t, receipt.Claim{Provider: "mpesa", Number: "R1", Transaction: string(alone), Door: string(d), At: at(4)})
		},
		func(*rapid.T) { mine = l.receipt.Owner == string(alone) },
		func(t *rapid.T) {
			if mine {
				open := arrival(d, kes(1000), 4)
				open.Open.Reference = alone
				l.decide(t, &l.alone, open)
			}
		},
		func(t *rapid.T) {
			if l.receipt.Owner != string(alone) && l.alone.Exists() {
				l.decide(t, &l.alone, Merge{Into: ref, Receipt: "R1", At: at(5)})
			}
		},
	)
}

func (l *ledger) check(t *rapid.T) {
	t.Helper()
	credited := l.push.Credited
	if l.alone.Exists() {
		credited = credited.Add(l.alone.Credited)
	}
	if credited != kes(1000) {
		t.Fatalf("KES 1,000 came once; %s is credited", credited.Format())
	}
	listed := 0
	for _, s := range []State{l.push, l.alone} {
		if s.Exists() && s.MergedInto == "" && s.Status() == StatusCompleted {
			listed++
		}
	}
	if listed != 1 {
		t.Fatalf("one payment is listed %d times", listed)
	}
}

func TestTheSameReceiptThroughTwoDoorsInEitherOrderIsOnePayment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{push: fold(State{}, push()...)}
		doors := []*door{l.stkDoor(), l.c2bDoor(DoorC2B)}
		switch rapid.IntRange(0, 2).Draw(t, "order") {
		case 1:
			doors[0], doors[1] = doors[1], doors[0]
		case 2:
			doors = append(doors, l.c2bDoor(DoorC2BOpen))
		}
		for _, d := range doors {
			for !d.done() {
				d.step(t)
			}
		}
		l.check(t)
		if l.push.Status() != StatusCompleted || l.alone.Exists() && l.alone.MergedInto != ref {
			t.Fatalf("the push is %s, what stood alone is a part of %q", l.push.Status(), l.alone.MergedInto)
		}
	})
}

func TestTheSameReceiptThroughTwoDoorsAtOnceIsOnePaymentWhateverIsCutOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{push: fold(State{}, push()...)}
		doors := []*door{l.stkDoor(), l.c2bDoor(DoorC2B), l.c2bDoor(DoorC2B)}
		crashes := 4
		for {
			var running []*door
			for _, d := range doors {
				if !d.done() {
					running = append(running, d)
				}
			}
			if len(running) == 0 {
				break
			}
			d := rapid.SampledFrom(running).Draw(t, "door")
			if crashes > 0 && rapid.IntRange(0, 9).Draw(t, "crash") == 0 {
				crashes--
				d.restart(t)
				continue
			}
			d.step(t)
		}
		l.check(t)
	})
}

func TestReceiptThatOnlyTheOtherDoorBringsStandsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{push: fold(State{}, push()...)}
		d := l.c2bDoor(DoorC2B)
		for !d.done() {
			d.step(t)
		}
		l.check(t)
		if l.push.Status() != StatusPending || l.alone.Status() != StatusCompleted {
			t.Fatalf("the push is %s, the other %s", l.push.Status(), l.alone.Status())
		}
	})
}
