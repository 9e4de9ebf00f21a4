package transaction

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// paidTwice is a checkout that was paid by card, and by phone besides: M-Pesa's clock says that its payment was the first.
func paidTwice(t *testing.T) State {
	t.Helper()
	card := paid("CARD1", kes(1000), 12).through(DoorCardWebhook)
	card.PaidAt, card.Terms.Channel = t0.Add(12*time.Minute), 4
	phone := paid("MPESA2", kes(1000), 13).of(2)
	phone.PaidAt, phone.Terms.Channel = t0.Add(11*time.Minute), 3
	s := fold(State{}, opened(FromCheckout), CardCheckoutRequested{Reference: ref, Attempt: 1, Channel: 4, At: t0}, pushed(2))
	for _, c := range []Weigh{card, phone} {
		s = carry(t, s, c)
	}
	return s
}

func carry(t *testing.T, s State, c domain.Command[State]) State {
	t.Helper()
	events, err := c.Decide(s)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return fold(s, events...)
}

func TestWhatWasPaidTwiceGoesBackToWhereEachPaymentCameFrom(t *testing.T) {
	s := paidTwice(t)
	way := func(shillings int64) string {
		t.Helper()
		w, err := s.WayFor(kes(shillings))
		if err != nil {
			t.Fatal(err)
		}
		return w.Payments[0].Receipt
	}
	if way(1000) != "MPESA2" {
		t.Error("what came beyond what was asked does not go back first")
	}
	for _, shillings := range []int64{0, 1001, 2000} {
		if _, err := s.WayFor(kes(shillings)); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("%d go back at once: %v", shillings, err)
		}
	}
	back := func(id, shillings int64, receipt string) RequestRefund {
		return RequestRefund{Refund: id, Name: "R", Amount: kes(shillings), Receipt: receipt, At: at(20)}
	}
	if _, err := back(1, 1001, "MPESA2").Decide(s); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("more went back to the phone than came from it: %v", err)
	}
	s = carry(t, s, back(1, 600, "MPESA2"))
	if _, err := back(2, 401, "MPESA2").Decide(s); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("two at once gave the phone more than came from it: %v", err)
	}
	if way(400) != "MPESA2" || way(401) != "CARD1" {
		t.Errorf("400 go to %s, 401 to %s", way(400), way(401))
	}
	if p, ok := s.WholePayment(s.WaysBack()[1], kes(1000)); !ok || p.Receipt != "CARD1" {
		t.Errorf("all of the card's payment is %+v", p)
	}
	s = carry(t, s, RecordReversal{Receipt: "DASHBOARD", Original: "CARD1", Amount: kes(1000), At: at(21)})
	if way(0) != "MPESA2" || s.Refundable() != kes(400) {
		t.Errorf("%s is left, of %s", s.Refundable(), way(0))
	}
}

func TestWhatOnePhonePaidInPartsGoesBackAtOnce(t *testing.T) {
	s := fold(State{}, opened(FromCheckout), pushed(1), pushed(2))
	for i, receipt := range []string{"R1", "R2"} {
		c := paid(receipt, kes(500), 3+i).of(i + 1)
		c.Terms.Channel = 3
		s = carry(t, s, c)
	}
	w, err := s.WayFor(money.Of(0, money.KES))
	if err != nil || w.Left != kes(1000) || len(w.Payments) != 2 {
		t.Errorf("%+v %v", w, err)
	}
}
