package transaction

import (
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// arrival is a confirmation of R1 at a door.
func arrival(door Door, amount money.Money, minutes int) ReceiveC2B {
	open := opened(FromC2B)
	open.Amount = amount
	return ReceiveC2B{
		Open: open, Door: door, Digest: string(door) + amount.String(), Raw: "{}", Receipt: "R1", PaidAt: at(1), Trusted: door == DoorC2B,
		Received: at(minutes),
	}
}

func (c ReceiveC2B) openedEvent() Initialized { return c.Open }

func (c ReceiveC2B) keptEvent() CallbackReceived {
	return CallbackReceived{Reference: ref, Subject: subject, Door: c.Door, Digest: c.Digest, Raw: "{}", At: c.Received}
}

func (c ReceiveC2B) receivedEvent() PaymentReceived {
	return PaymentReceived{
		Reference: ref, Door: c.Door, Receipt: "R1", Amount: c.Open.Amount, Credited: c.Open.Amount, Surplus: money.Of(0, c.Open.Amount.Currency),
		Method: MethodMpesaC2B, PaidAt: at(1), Subject: subject, Digest: c.Digest, At: c.Received,
	}
}

func (c ReceiveC2B) completedEvent() Completed {
	return Completed{Reference: ref, Received: c.Open.Amount, Method: MethodMpesaC2B, Receipt: "R1", PaidAt: at(1), At: c.Received}
}

func merged(credited money.Money, minutes int) Merged {
	return Merged{
		Reference: ref, Into: "MPESA0123456789ABCDEF", Receipt: "R1", Credited: money.Of(-credited.Minor, money.KES),
		Surplus: kes(0), At: at(minutes),
	}
}

var merge = Merge{Into: "MPESA0123456789ABCDEF", Receipt: "R1", At: at(9)}

func TestConfirmationThatMatchesNothingIsACompletedTransaction(t *testing.T) {
	c := arrival(DoorC2B, kes(250), 2)
	given(t).when(c).then(c.openedEvent(), c.keptEvent(), c.receivedEvent(), c.completedEvent()).so(StatusCompleted, "", 250, 0)
}

func TestRepeatedConfirmationAppendsNothing(t *testing.T) {
	again := arrival(DoorC2B, kes(250), 30)
	given(t).when(arrival(DoorC2B, kes(250), 2)).when(again).thenNothing().so(StatusCompleted, "", 250, 0)
}

func TestConfirmationAtAnOpenURLIsListedAndCreditsNothing(t *testing.T) {
	c := arrival(DoorC2BOpen, kes(250), 2)
	given(t).when(c).then(c.openedEvent(), c.keptEvent()).so(StatusPending, "", 0, 0)
}

func TestConfirmationAtTheSecretURLConfirmsTheOneAtTheOpenURL(t *testing.T) {
	c := arrival(DoorC2B, kes(250), 3)
	given(t).when(arrival(DoorC2BOpen, kes(250), 2)).when(c).
		then(c.keptEvent(), c.receivedEvent(), c.completedEvent()).so(StatusCompleted, "", 250, 0)
}

func TestConfirmationAtTheOpenURLAfterwardsIsKept(t *testing.T) {
	open := arrival(DoorC2BOpen, kes(250), 3)
	given(t).when(arrival(DoorC2B, kes(250), 2)).when(open).then(open.keptEvent()).so(StatusCompleted, "", 250, 0)
}

func TestWhatAnOpenURLClaimedDoesNotDecideWhatCame(t *testing.T) {
	for name, claimed := range map[string]money.Money{
		"less": kes(1), "more": kes(1_000_000), "another currency": money.Of(5, money.USD),
	} {
		t.Run(name, func(t *testing.T) {
			c := arrival(DoorC2B, kes(250), 3)
			s := given(t).when(arrival(DoorC2BOpen, claimed, 2)).when(c).
				then(c.keptEvent(), c.receivedEvent(), c.completedEvent()).so(StatusCompleted, "", 250, 0)
			if s.after.Amount != kes(250) {
				t.Errorf("amount is %s", s.after.Amount.Format())
			}
		})
	}
}

func TestUnconfirmedNoticeIsConfirmedByAnotherDoorToo(t *testing.T) {
	status := paid("R1", kes(250), 20).of(0)
	status.Method = MethodMpesaC2B
	given(t).when(arrival(DoorC2BOpen, kes(9000), 2)).when(status).so(StatusCompleted, "", 250, 0)
}

func TestTrustedConfirmationsThatContradictAreSeen(t *testing.T) {
	other := arrival(DoorC2B, kes(300), 3)
	given(t).when(arrival(DoorC2B, kes(250), 2)).when(other).then(other.keptEvent(), Conflicted{
		Reference: ref, Kind: ConflictAmount, Receipt: "R1", Digest: other.Digest, At: at(3),
		Detail: "the same receipt came with KES 300.00, and before with KES 250.00",
	}).so(StatusCompleted, "", 250, 0)
}

func TestFloodAtTheOpenURLDoesNotHideTheConfirmation(t *testing.T) {
	s := given(t)
	for n := range int64(maxNotices + 1) {
		s = s.when(arrival(DoorC2BOpen, kes(n+1), 2))
	}
	c := arrival(DoorC2B, kes(250), 3)
	s.thenNothing().when(c).then(c.receivedEvent(), c.completedEvent()).so(StatusCompleted, "", 250, 0)
}

func TestMergeTakesBackWhatWasCredited(t *testing.T) {
	given(t).when(arrival(DoorC2B, kes(250), 2)).when(merge).then(merged(kes(250), 9)).so(StatusCompleted, "", 0, 0)
}

func TestMergeOfAnUnconfirmedPaymentTakesBackNothing(t *testing.T) {
	given(t).when(arrival(DoorC2BOpen, kes(250), 2)).when(merge).then(merged(kes(0), 9)).so(StatusPending, "", 0, 0)
}

func TestMergedPaymentIsNotCreditedAgain(t *testing.T) {
	late := arrival(DoorC2B, kes(250), 12)
	given(t).when(arrival(DoorC2BOpen, kes(250), 2)).when(merge).when(late).then(late.keptEvent()).so(StatusPending, "", 0, 0)
	given(t).when(arrival(DoorC2B, kes(250), 2)).when(merge).when(arrival(DoorC2B, kes(250), 12)).thenNothing()
}

func TestMoneyForAMergedPaymentIsSeen(t *testing.T) {
	late := paid("R2", kes(70), 12).of(0)
	given(t).when(arrival(DoorC2B, kes(250), 2)).when(merge).when(late).
		then(late.conflictEvent(ConflictReceiptTaken, "KES 70.00 came, but this is a part of MPESA0123456789ABCDEF"))
}

func TestMergeHidesNoMoney(t *testing.T) {
	second := paid("R2", kes(70), 5).of(0)
	for name, c := range map[string]struct {
		given []domain.Command[State]
		merge Merge
	}{
		"of a payment that was asked for": {[]domain.Command[State]{Initialize{Initialized: opened(FromPush)}}, merge},
		"into itself":                     {[]domain.Command[State]{arrival(DoorC2B, kes(250), 2)}, Merge{Into: ref, Receipt: "R1"}},
		"into nothing":                    {[]domain.Command[State]{arrival(DoorC2B, kes(250), 2)}, Merge{Receipt: "R1"}},
		"with money of another receipt":   {[]domain.Command[State]{arrival(DoorC2B, kes(250), 2), second}, merge},
	} {
		t.Run(name, func(t *testing.T) {
			s := given(t)
			for _, g := range c.given {
				s = s.when(g)
			}
			s.when(c.merge).thenError(domain.CodeConflict, "")
		})
	}
}
