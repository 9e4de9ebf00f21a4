package transaction

import (
	"testing"

	"github.com/benfex/kipay/domain/money"
)

func TestTooLittleMoneyLeavesItPendingAsUnderpaid(t *testing.T) {
	r := paid("R1", kes(400), 3)
	given(t, push()...).when(r).
		then(r.receivedEvent(kes(400), kes(0)), r.conflictEvent(ConflictAmount, "KES 400.00 came, KES 1,000.00 was asked")).
		so(StatusPending, FailureUnderpaid, 400, 0)
}

func TestTooLittleMoneyReopensAFailedPayment(t *testing.T) {
	r := paid("R1", kes(400), 9)
	given(t, push()...).when(failing(FailedByNotice, "1032", 3)).when(r).
		then(r.receivedEvent(kes(400), kes(0)), r.conflictEvent(ConflictAmount, "KES 400.00 came, KES 1,000.00 was asked")).
		so(StatusPending, FailureUnderpaid, 400, 0)
}

func TestTheRestOfAnUnderpaymentCompletes(t *testing.T) {
	rest := paid("R2", kes(600), 9)
	done := rest.completedEvent(kes(1000))
	done.Receipt = "R1"
	given(t, push()...).when(paid("R1", kes(400), 3)).when(rest).
		then(
			rest.receivedEvent(kes(600), kes(0)), rest.conflictEvent(ConflictSecondReceipt, "a second receipt; the first is R1"),
			rest.conflictEvent(ConflictAmount, "KES 600.00 came, KES 1,000.00 was asked"), done,
		).so(StatusCompleted, "", 1000, 0)
}

func TestConfirmationOfAnUnderpaymentCompletesButCreditsWhatCame(t *testing.T) {
	c := confirmed(9)
	done := Completed{Reference: ref, Received: kes(400), Method: MethodMpesaSTK, Receipt: "R1", PaidAt: at(2), At: at(9)}
	given(t, push()...).when(paid("R1", kes(400), 3)).when(c).
		then(c.confirmedEvent(kes(0), kes(0)), done).so(StatusCompleted, "", 400, 0)
	r := paid("R1", kes(400), 9)
	given(t, push()...).when(confirmed(3)).when(r).
		then(r.receivedEvent(kes(-600), kes(0)), r.conflictEvent(ConflictAmount, "KES 400.00 came, KES 1,000.00 was asked")).
		so(StatusCompleted, "", 400, 0)
}

func TestTooMuchMoneyCompletesAndTheRestIsSurplus(t *testing.T) {
	r := paid("R1", kes(1500), 3)
	given(t, push()...).when(r).
		then(
			r.receivedEvent(kes(1000), kes(500)), r.conflictEvent(ConflictAmount, "KES 1,500.00 came, KES 1,000.00 was asked"),
			r.completedEvent(kes(1500)),
		).so(StatusCompleted, "", 1000, 500)
}

func TestOneCentTooLittleIsNotPaid(t *testing.T) {
	given(t, push()...).when(paid("R1", money.Of(99_999, money.KES), 3)).so(StatusPending, FailureUnderpaid, 999, 0)
}

func TestSecondReceiptIsNeverASecondCredit(t *testing.T) {
	second := paid("R2", kes(1000), 9)
	given(t, push()...).when(paid("R1", kes(1000), 3)).when(second).
		then(second.receivedEvent(kes(0), kes(1000)), second.conflictEvent(ConflictSecondReceipt, "a second receipt; the first is R1")).
		so(StatusCompleted, "", 1000, 1000)
}

func TestTwoAttemptsThatBothPaidAreSeenInEitherOrder(t *testing.T) {
	second := paid("R2", kes(1000), 14).of(2)
	given(t, checkout(pushed(2), accepted(2))...).when(confirmed(12)).when(second).
		then(second.receivedEvent(kes(0), kes(1000)), second.conflictEvent(ConflictSecondReceipt, "another attempt was confirmed as paid already")).
		so(StatusCompleted, "", 1000, 1000)
	c := confirmed(15)
	given(t, checkout(pushed(2), accepted(2))...).when(second).when(c).
		then(c.confirmedEvent(kes(0), kes(1000)), c.conflictEvent(ConflictSecondReceipt, "another attempt was paid already")).
		so(StatusCompleted, "", 1000, 1000)
	again := confirmed(16).of(2)
	given(t, checkout(pushed(2), accepted(2))...).when(confirmed(12)).when(again).
		then(again.confirmedEvent(kes(0), kes(1000)), again.conflictEvent(ConflictSecondReceipt, "another attempt was paid already")).
		so(StatusCompleted, "", 1000, 1000)
}

func TestAnotherCurrencyIsKeptApartAndSeen(t *testing.T) {
	usd := money.Of(1000_00, money.USD)
	r := paid("R1", usd, 3)
	given(t, push()...).when(r).
		then(r.receivedEvent(kes(0), kes(0)), r.conflictEvent(ConflictCurrency, "USD came, KES was asked")).
		so(StatusPending, FailureCurrency, 0, 0)
	given(t, push()...).when(r).when(paid("R2", kes(1000), 4)).so(StatusCompleted, "", 1000, 0)
	given(t, push()...).when(paid("R2", kes(1000), 4)).when(r).so(StatusCompleted, "", 1000, 0)
}

func TestSameReceiptWithAnotherAmountIsNotCountedAgainAndIsSeen(t *testing.T) {
	other := paid("R1", kes(700), 9).through(DoorC2B)
	given(t, push()...).when(paid("R1", kes(1000), 3)).when(other).
		then(other.conflictEvent(ConflictAmount, "the same receipt came with KES 700.00, and before with KES 1,000.00")).
		so(StatusCompleted, "", 1000, 0)
	usd := paid("R1", money.Of(1000_00, money.USD), 9).through(DoorC2B)
	given(t, push()...).when(paid("R1", kes(1000), 3)).when(usd).
		then(usd.conflictEvent(ConflictCurrency, "the same receipt came with USD 1,000.00, and before with KES 1,000.00")).
		so(StatusCompleted, "", 1000, 0)
}

func TestFirstPaymentIsTheEarliestByTheProvidersClock(t *testing.T) {
	early, late := paid("R2", kes(1000), 9), paid("R1", kes(1000), 3)
	early.PaidAt, late.PaidAt = at(1), at(5)
	for _, order := range [][]Weigh{{early, late}, {late, early}} {
		s := given(t, push()...).when(order[0]).when(order[1])
		if s.after.Receipt() != "R2" || !s.after.PaidAt().Equal(at(1)) {
			t.Errorf("first is %s at %s", s.after.Receipt(), s.after.PaidAt())
		}
	}
}
