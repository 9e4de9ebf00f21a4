package transaction

import (
	"slices"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// WayBack is what of a payment goes back the same way to the same payer, and so can go back at once: what one phone paid through one channel,
// or one card. Who paid twice, by phone and by card, gets each back where it came from.
type WayBack struct {
	Channel  int64
	Payments []Payment // the newest first
	// Left is what can still go back this way.
	Left money.Money
	// surplus tells whether some of it came beyond what was asked.
	surplus bool
}

// WaysBack are those of the payment: what came beyond what was asked first, which goes back first, then the newest.
func (s State) WaysBack() []WayBack {
	type key struct {
		channel         int64
		phone, whenNone string
	}
	var ways []WayBack
	at := map[key]int{}
	for _, p := range slices.Backward(s.Payments) {
		if p.Amount.Currency != s.Amount.Currency {
			continue
		}
		a, _ := s.Attempt(p.Attempt)
		k := key{channel: s.ChannelOf(p), phone: a.Phone}
		if k.phone == "" {
			k.whenNone = p.Receipt
		}
		i, ok := at[k]
		if !ok {
			i, at[k] = len(ways), len(ways)
			ways = append(ways, WayBack{Channel: k.channel, Left: money.Of(0, s.Amount.Currency)})
		}
		w := &ways[i]
		w.Payments, w.surplus = append(w.Payments, p), w.surplus || p.Surplus.Minor > 0
		w.Left.Minor += s.LeftOf(p).Minor
	}
	left := s.Refundable()
	if len(ways) == 1 {
		ways[0].Left = left
		return ways
	}
	for i := range ways {
		for _, d := range s.Disputes { // a dispute doesn't say here which payment of its channel it is about
			if d.Channel == ways[i].Channel {
				ways[i].Left.Minor -= d.Promised.Minor
			}
		}
		ways[i].Left.Minor = min(ways[i].Left.Minor, left.Minor)
	}
	slices.SortStableFunc(ways, func(a, b WayBack) int {
		switch {
		case a.surplus == b.surplus:
			return 0
		case a.surplus:
			return -1
		}
		return 1
	})
	return ways
}

// ChannelOf is the channel that money came through; events of version 1 name none, and mean the attempt's.
func (s State) ChannelOf(p Payment) int64 {
	if p.Channel != 0 {
		return p.Channel
	}
	if a, _ := s.Attempt(p.Attempt); a.Channel != 0 {
		return a.Channel
	}
	return s.Channel
}

// Through is the channel that the payment is made through, and its provider: where the money first came, else where the payer was sent last,
// else what it was opened for.
func (s State) Through() (channel int64, provider string) {
	channel, method := s.Channel, s.Method()
	switch {
	case len(s.Payments) > 0:
		channel = s.ChannelOf(s.Payments[0])
	case method != "":
		for _, a := range s.Attempts {
			if a.Confirmed {
				channel = s.ChannelOf(Payment{Attempt: a.N})
				break
			}
		}
	case len(s.Attempts) > 0:
		a := s.Attempts[len(s.Attempts)-1]
		channel, method = s.ChannelOf(Payment{Attempt: a.N}), a.Method
	}
	switch {
	case channel == s.Channel:
		return channel, s.Provider
	case method == MethodMpesaSTK || method == MethodMpesaC2B:
		return channel, "mpesa"
	}
	return channel, "paystack"
}

// LeftOf is what of one receipt has not gone back, nor is about to by a refund.
func (s State) LeftOf(p Payment) money.Money {
	left := p.Amount
	for _, r := range s.Refunds {
		switch {
		case r.RefundRequested.Receipt != p.Receipt:
		case r.Status == RefundDone:
			left.Minor -= r.Came.Minor
		case r.Status == RefundPending:
			left.Minor -= r.Amount.Minor
		}
	}
	for _, r := range s.Reversals {
		if r.Original == p.Receipt {
			left.Minor -= r.Amount.Minor
		}
	}
	return left
}

// WholePayment is the payment that an amount is all of, of which nothing has gone back; zero is all that is left.
func (s State) WholePayment(way WayBack, amount money.Money) (Payment, bool) {
	if len(s.Payments) == 1 {
		p := way.Payments[0]
		return p, (amount.Minor == 0 || amount == p.Amount) && s.Refundable() == p.Amount
	}
	for _, p := range way.Payments {
		if amount == p.Amount && s.LeftOf(p) == p.Amount {
			return p, true
		}
	}
	return Payment{}, false
}

// WayFor is the way back that an amount takes, or what is left where that is zero and goes back one way. Errors: Conflict where no
// receipt is known; Invalid on amount.
func (s State) WayFor(amount money.Money) (WayBack, error) {
	ways := s.WaysBack()
	if len(ways) == 0 {
		return WayBack{}, domain.Conflictf("The provider has not named a receipt for this payment yet; try again later")
	}
	open := ways[:0:0]
	most := money.Of(0, s.Amount.Currency)
	for _, w := range ways {
		if w.Left.IsPositive() {
			open = append(open, w)
		}
		most.Minor = max(most.Minor, w.Left.Minor)
	}
	switch {
	case len(ways) == 1:
		return ways[0], nil
	case amount.Minor == 0 && len(open) == 1:
		return open[0], nil
	case amount.Minor == 0:
		return WayBack{}, domain.Invalid("amount", "is required: "+severalWays(most))
	}
	for _, w := range open {
		if amount.Minor <= w.Left.Minor {
			return w, nil
		}
	}
	return WayBack{}, domain.Invalid("amount", "is more than goes back at once: "+severalWays(most))
}

func severalWays(most money.Money) string {
	return "this was paid more than once, and each payment goes back to where it came from, at most " + most.Format() + " at once"
}

// checkWay makes sure that an amount fits what is left of the payment whose receipt it goes back by. Errors: Invalid on amount.
func (s State) checkWay(receipt string, amount money.Money) error {
	ways := s.WaysBack()
	if len(ways) < 2 {
		return nil
	}
	for _, w := range ways {
		if amount.Minor > w.Left.Minor && slices.ContainsFunc(w.Payments, func(p Payment) bool { return p.Receipt == receipt }) {
			return domain.Invalid("amount", "is more than goes back at once: "+severalWays(money.Of(max(w.Left.Minor, 0), amount.Currency)))
		}
	}
	return nil
}
