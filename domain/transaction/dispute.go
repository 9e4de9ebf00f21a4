package transaction

import (
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/dispute"
	"github.com/benfex/kipay/domain/money"
)

// DoorDispute is how one hears that a dispute took money back: the provider called it lost.
const DoorDispute Door = "paystack_dispute"

// PaymentDisputed says that the payer complained about the payment to the bank. It moves nothing; the dispute has a stream
// of its own.
type PaymentDisputed struct {
	Reference Reference   `json:"reference"`
	Dispute   int64       `json:"dispute_id"`
	Channel   int64       `json:"channel_id"`
	Amount    money.Money `json:"amount"` // that the payer wants back
	At        time.Time   `json:"at"`
}

// EventType is the wire name.
func (PaymentDisputed) EventType() string { return "PaymentDisputed" }

// ChargebackPromised says that a dispute is about to be accepted: so much of the payment can't be refunded besides. The
// ledger hears of it when the money goes (PaymentReversed).
type ChargebackPromised struct {
	Reference Reference   `json:"reference"`
	Dispute   int64       `json:"dispute_id"`
	Amount    money.Money `json:"amount"`
	At        time.Time   `json:"at"`
}

// EventType is the wire name.
func (ChargebackPromised) EventType() string { return "ChargebackPromised" }

// ChargebackReleased says that what was promised to a dispute is not taken after all.
type ChargebackReleased struct {
	Reference Reference `json:"reference"`
	Dispute   int64     `json:"dispute_id"`
	At        time.Time `json:"at"`
}

// EventType is the wire name.
func (ChargebackReleased) EventType() string { return "ChargebackReleased" }

// Disputed is a dispute about the payment, as far as the payment knows of it.
type Disputed struct {
	Dispute  int64
	Channel  int64
	Amount   money.Money
	At       time.Time
	Promised money.Money // that the dispute is about to take; zero when nothing is
}

// DisputeOf is the dispute of that number.
func (s State) DisputeOf(id int64) (Disputed, bool) {
	for _, d := range s.Disputes {
		if d.Dispute == id {
			return d, true
		}
	}
	return Disputed{}, false
}

// Reversed tells whether money was taken back under the receipt.
func (s State) Reversed(receipt string) bool {
	return slices.ContainsFunc(s.Reversals, func(r Reversal) bool { return r.Receipt == receipt })
}

// promisedToDisputes is how much disputes are about to take, in minor units.
func (s State) promisedToDisputes() int64 {
	var total int64
	for _, d := range s.Disputes {
		total += d.Promised.Minor
	}
	return total
}

// evolveDispute is the state after an event about a dispute.
func (s State) evolveDispute(e domain.Event) State {
	switch e := e.(type) {
	case PaymentDisputed:
		s.Disputes = append(slices.Clip(s.Disputes), Disputed{Dispute: e.Dispute, Channel: e.Channel, Amount: e.Amount, At: e.At})
		s.UpdatedAt = e.At
	case ChargebackPromised:
		s = s.promise(e.Dispute, e.Amount, e.At)
	case ChargebackReleased:
		s = s.promise(e.Dispute, money.Money{}, e.At)
	}
	return s
}

func (s State) promise(id int64, amount money.Money, at time.Time) State {
	s.Disputes = slices.Clone(s.Disputes)
	for i := range s.Disputes {
		if s.Disputes[i].Dispute == id {
			s.Disputes[i].Promised, s.UpdatedAt = amount, at
		}
	}
	return s
}

// NoteDispute notes that the payment is disputed.
type NoteDispute struct {
	Dispute int64
	Channel int64
	Amount  money.Money
	At      time.Time
}

// Decide notes it once. Errors: NotFound.
func (c NoteDispute) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("transaction not found")
	}
	if _, ok := s.DisputeOf(c.Dispute); ok {
		return nil, nil
	}
	return []domain.Event{PaymentDisputed{Reference: s.Reference, Dispute: c.Dispute, Channel: c.Channel, Amount: c.Amount, At: c.At}}, nil
}

// PromiseChargeback keeps an amount for a dispute that is about to be accepted.
type PromiseChargeback struct {
	Dispute int64
	Amount  money.Money
	At      time.Time
}

// Decide keeps it once. Errors: NotFound; Conflict when another amount is kept, or the money has gone; Invalid on amount when
// it is more than is left, so that a dispute and a refund at once never give back more than was paid.
func (c PromiseChargeback) Decide(s State) ([]domain.Event, error) {
	d, ok := s.DisputeOf(c.Dispute)
	left := s.Refundable()
	switch {
	case !ok:
		return nil, domain.NotFoundf("dispute not found")
	case s.Reversed(dispute.Receipt(c.Dispute)):
		return nil, domain.Conflictf("This dispute has taken its money already")
	case d.Promised == c.Amount:
		return nil, nil
	case d.Promised.IsPositive():
		return nil, domain.Conflictf("This dispute is being accepted with another amount: %s", d.Promised.Format())
	case !left.IsPositive():
		return nil, domain.Invalid("amount", "is more than is left: all of the payment has gone back already")
	case c.Amount.Currency != left.Currency || c.Amount.Minor > left.Minor:
		return nil, domain.Invalid("amount", "is more than is left of the payment: "+left.Format())
	}
	return []domain.Event{ChargebackPromised{Reference: s.Reference, Dispute: c.Dispute, Amount: c.Amount, At: c.At}}, nil
}

// ReleaseChargeback lets go of what was kept for a dispute.
type ReleaseChargeback struct {
	Dispute int64
	At      time.Time
}

// Decide lets go of it once.
func (c ReleaseChargeback) Decide(s State) ([]domain.Event, error) {
	if d, _ := s.DisputeOf(c.Dispute); !d.Promised.IsPositive() {
		return nil, nil
	}
	return []domain.Event{ChargebackReleased{Reference: s.Reference, Dispute: c.Dispute, At: c.At}}, nil
}
