package payout

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// CountStream holds what a channel's payments add up to in a currency.
func CountStream(channel int64, c money.Currency) string { return "payoutcount-" + purse(channel, c) }

// FundsStream holds what payouts have taken of it.
func FundsStream(channel int64, c money.Currency) string { return "payoutfunds-" + purse(channel, c) }

func purse(channel int64, c money.Currency) string {
	return strconv.FormatInt(channel, 10) + "-" + string(c)
}

// Counted says what all payments through a channel add up to, refunds taken off, as of a position in the log. It is absolute:
// the last one is all that has to be read.
type Counted struct {
	Channel  int64          `json:"channel_id"`
	Currency money.Currency `json:"currency"`
	// Through is the position of the last event that is counted.
	Through uint64 `json:"through"`
	// Standing is what stands at the provider and is the merchant's, Owed what the operator owes to it, in minor units.
	Standing int64     `json:"standing_minor"`
	Owed     int64     `json:"owed_minor"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Counted) EventType() string { return "PayoutFundsCounted" }

// Count is what payments add up to.
type Count struct {
	Through        uint64
	Standing, Owed int64
}

// Evolve is the state after e.
func (s Count) Evolve(e domain.Event) Count {
	if e, ok := e.(Counted); ok {
		s = Count{Through: e.Through, Standing: e.Standing, Owed: e.Owed}
	}
	return s
}

// Of is what can be paid out of it, before payouts: what stands there where the money is the merchant's own, what is owed to
// it where it is in the operator's pool.
func (s Count) Of(f fee.Funds) int64 {
	if f == fee.OfPool {
		return s.Owed
	}
	return s.Standing
}

// Entry is what one event of a payment changes.
type Entry struct {
	Position       uint64
	Standing, Owed int64
}

// With is the count with the entries that it doesn't have yet; they are in the order of the log.
func (s Count) With(entries []Entry) Count {
	for _, e := range entries {
		if e.Position > s.Through {
			s = Count{Through: e.Position, Standing: s.Standing + e.Standing, Owed: s.Owed + e.Owed}
		}
	}
	return s
}

// CountUp adds entries, in the order of the log and without a gap since the last that is counted. Those that are counted
// already don't count again.
type CountUp struct {
	Channel  int64
	Currency money.Currency
	Entries  []Entry
	At       time.Time
}

// Decide counts those that are new.
func (c CountUp) Decide(s Count) ([]domain.Event, error) {
	next := s.With(c.Entries)
	if next.Through == s.Through {
		return nil, nil
	}
	return []domain.Event{Counted{
		Channel: c.Channel, Currency: c.Currency, Through: next.Through, Standing: next.Standing, Owed: next.Owed, At: c.At,
	}}, nil
}

// FundsReserved sets money apart for a payout that is about to be requested.
type FundsReserved struct {
	Channel  int64       `json:"channel_id"`
	Merchant int64       `json:"merchant_id"`
	Payout   Reference   `json:"payout"`
	Amount   money.Money `json:"amount"`
	At       time.Time   `json:"at"`
}

// EventType is the wire name.
func (FundsReserved) EventType() string { return "PayoutFundsReserved" }

// FundsReleased gives it back: nothing was paid.
type FundsReleased struct {
	Channel int64     `json:"channel_id"`
	Payout  Reference `json:"payout"`
	At      time.Time `json:"at"`
}

// EventType is the wire name.
func (FundsReleased) EventType() string { return "PayoutFundsReleased" }

// FundsPaid says that money has left for good.
type FundsPaid struct {
	Channel int64     `json:"channel_id"`
	Payout  Reference `json:"payout"`
	// Amount is all that left, with what the provider took for it where that is the merchant's to bear.
	Amount money.Money `json:"amount"`
	At     time.Time   `json:"at"`
}

// EventType is the wire name.
func (FundsPaid) EventType() string { return "PayoutFundsPaid" }

// taking is what one payout takes.
type taking struct {
	minor int64
	paid  bool
}

// Funds is what payouts have taken of a channel's money in a currency.
type Funds struct {
	taken map[Reference]taking
	total int64
}

// Taken is all that is set apart or gone, in minor units.
func (s Funds) Taken() int64 { return s.total }

// Takes is what one payout takes, in minor units; 0 for one that takes nothing.
func (s Funds) Takes(r Reference) int64 { return s.taken[r].minor }

// Evolve is the state after e.
func (s Funds) Evolve(e domain.Event) Funds {
	switch e := e.(type) {
	case FundsReserved:
		return s.take(e.Payout, taking{minor: e.Amount.Minor})
	case FundsReleased:
		return s.take(e.Payout, taking{})
	case FundsPaid:
		return s.take(e.Payout, taking{minor: e.Amount.Minor, paid: true})
	}
	return s
}

func (s Funds) take(r Reference, t taking) Funds {
	if s.taken == nil {
		s.taken = map[Reference]taking{}
	}
	s.total += t.minor - s.taken[r].minor
	if t == (taking{}) {
		delete(s.taken, r)
	} else {
		s.taken[r] = t
	}
	return s
}

// Reserve sets money apart for a payout.
type Reserve struct {
	Channel  int64
	Merchant int64
	Payout   Reference
	Amount   money.Money
	// Counted is what the channel's payments add up to, in minor units, at least as of the request.
	Counted int64
	At      time.Time
}

// Decide reserves it once. Errors: Invalid on amount when it is more than there is: two that come at once are decided one
// after the other, because both are appended to this stream.
func (c Reserve) Decide(s Funds) ([]domain.Event, error) {
	if _, ok := s.taken[c.Payout]; ok {
		return nil, nil
	}
	if left := c.Counted - s.total; c.Amount.Minor > left {
		return nil, MoreThanThereIs(left, c.Amount.Currency)
	}
	return []domain.Event{FundsReserved{Channel: c.Channel, Merchant: c.Merchant, Payout: c.Payout, Amount: c.Amount, At: c.At}}, nil
}

// MoreThanThereIs is the error of an amount that is more than is left, in minor units.
func MoreThanThereIs(left int64, c money.Currency) error {
	return domain.Invalid("amount", "is more than there is to pay out: "+money.Of(max(left, 0), c).Format())
}

// Account brings what a payout takes in line with what became of it.
type Account struct {
	Channel int64
	Payout  State
	At      time.Time
}

// Decide releases what was not paid, and takes what was, also when it had been released: it is gone. While nothing final is
// known, the reservation stays. Whoever reads the payout looks again afterwards whether that was the newest.
func (c Account) Decide(s Funds) ([]domain.Event, error) {
	now, held := s.taken[c.Payout.Reference]
	out := c.Payout.Cost()
	paid := []domain.Event{FundsPaid{Channel: c.Channel, Payout: c.Payout.Reference, Amount: out, At: c.At}}
	switch {
	case c.Payout.Status == Paid:
		if now.paid && out.Minor <= now.minor { // it only grows, by the provider's charge
			return nil, nil
		}
		return paid, nil
	case c.Payout.Holds(), !held:
		return nil, nil
	case now.paid && !c.Payout.Came.IsPositive():
		return nil, nil // by an older reading of the payout, from before it was paid
	case out.IsPositive():
		if out.Minor == now.minor {
			return nil, nil
		}
		return paid, nil
	}
	return []domain.Event{FundsReleased{Channel: c.Channel, Payout: c.Payout.Reference, At: c.At}}, nil
}

// Cost is all that a payout takes of the channel's money: what was paid, and what the provider took for it where that is the
// merchant's to bear; of one that was taken for paid and found not to be, only what the provider took.
func (s State) Cost() money.Money {
	out := s.Came
	if s.Status != Paid {
		out.Minor = 0
	}
	if s.Charge != nil && s.Funds != fee.OfPool {
		out = out.Add(*s.Charge)
	}
	return out
}
