package transaction

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/receipt"
)

const (
	alone       = Reference("MPESA00000000000ALONE")
	unconfirmed = Reference("MPESA00000UNCONFIRMED")
)

// ledger is the streams of one payment: the push that asked for it, the receipt, the transaction that stands alone when
// the confirmation comes without its push, and the one that a notice at the open URL is listed as.
type ledger struct {
	push, alone, unconfirmed State
	receipt                  receipt.State
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
		l.takeIn,
	)
}

// takeIn makes what was opened for the receipt a part of its owner.
func (l *ledger) takeIn(t *rapid.T) {
	for _, other := range l.receipt.Alone() {
		for _, s := range []*State{&l.alone, &l.unconfirmed} {
			if string(s.Reference) == other && l.receipt.Owner != "" {
				l.decide(t, s, Merge{Into: Reference(l.receipt.Owner), Receipt: "R1", At: at(5)})
			}
		}
	}
}

// c2bDoor keeps the confirmation, claims the receipt for the transaction that it would be, opens that if it got it, and
// looks again: a push may have taken the receipt meanwhile, and found nothing to take in.
func (l *ledger) c2bDoor() *door {
	mine := false
	return steps(
		func(t *rapid.T) { l.decideReceipt(t, receipt.Confirm{Confirmation: confirmationAt(DoorC2B, alone)}) },
		func(t *rapid.T) {
			if l.receipt.Owner == "" {
				l.decideReceipt(t, receipt.Claim{Provider: "mpesa", Number: "R1", Transaction: string(alone), Door: string(DoorC2B), At: at(4)})
			}
		},
		func(*rapid.T) { mine = l.receipt.Owner == string(alone) },
		func(t *rapid.T) {
			if mine {
				open := arrival(DoorC2B, kes(1000), 4)
				open.Open.Reference = alone
				l.decide(t, &l.alone, open)
			}
		},
		l.takeIn,
	)
}

// openDoor lists what was posted at the URL that anyone can call, unless it is known better, and claims nothing.
func (l *ledger) openDoor() *door {
	news := false
	return steps(
		func(t *rapid.T) {
			l.decideReceipt(t, receipt.Confirm{Confirmation: confirmationAt(DoorC2BOpen, unconfirmed)})
		},
		func(*rapid.T) { news = !l.receipt.Confirmation().Trusted && l.receipt.Owner == "" },
		func(t *rapid.T) {
			if news {
				open := arrival(DoorC2BOpen, kes(99_000), 4)
				open.Open.Reference = unconfirmed
				l.decide(t, &l.unconfirmed, open)
			}
		},
		l.takeIn,
	)
}

func confirmationAt(d Door, becomes Reference) receipt.Confirmation {
	return receipt.Confirmation{
		Provider: "mpesa", Scope: "mpesa.3", Number: "R1", ID: 9, Transaction: string(becomes), Merchant: 1, Channel: 3,
		Subject: "payment-9", Door: string(d), Trusted: d == DoorC2B, Amount: kes(1000), Digest: string(d), Raw: "{}", At: at(4),
	}
}

func (l *ledger) check(t *rapid.T) {
	t.Helper()
	credited := l.push.Credited
	for _, s := range []State{l.alone, l.unconfirmed} {
		if s.Exists() {
			credited = credited.Add(s.Credited)
		}
	}
	if credited != kes(1000) {
		t.Fatalf("KES 1,000 came once; %s is credited", credited.Format())
	}
	listed := 0
	for _, s := range []State{l.push, l.alone, l.unconfirmed} {
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
		doors := rapid.Permutation([]*door{l.stkDoor(), l.c2bDoor(), l.openDoor()}).Draw(t, "order")
		for _, d := range doors {
			for !d.done() {
				d.step(t)
			}
		}
		l.check(t)
		for _, s := range []State{l.alone, l.unconfirmed} {
			if s.Exists() && s.MergedInto == "" {
				t.Fatalf("%s still stands alone", s.Reference)
			}
		}
		if l.push.Status() != StatusCompleted || l.alone.Exists() && l.alone.MergedInto != ref {
			t.Fatalf("the push is %s, what stood alone is a part of %q", l.push.Status(), l.alone.MergedInto)
		}
	})
}

func TestTheSameReceiptThroughTwoDoorsAtOnceIsOnePaymentWhateverIsCutOff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{push: fold(State{}, push()...)}
		doors := []*door{l.stkDoor(), l.c2bDoor(), l.c2bDoor(), l.openDoor()}
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
		d := l.c2bDoor()
		for !d.done() {
			d.step(t)
		}
		l.check(t)
		if l.push.Status() != StatusPending || l.alone.Status() != StatusCompleted {
			t.Fatalf("the push is %s, the other %s", l.push.Status(), l.alone.Status())
		}
	})
}
