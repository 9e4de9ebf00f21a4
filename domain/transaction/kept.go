package transaction

import "time"

// LastMoved is when money last moved, in either direction; zero when none has. Rules of retention count from there.
func (s State) LastMoved() time.Time {
	var last time.Time
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, p := range s.Payments {
		later(p.PaidAt)
	}
	for _, a := range s.Attempts {
		if a.Confirmed {
			later(a.ConfirmedAt)
		}
	}
	for _, r := range s.Refunds {
		if r.Status == RefundDone {
			later(r.RefundedAt)
		}
	}
	for _, r := range s.Reversals {
		later(r.At)
	}
	return last
}

// Asked are the phones that were asked for the payment.
func (s State) Asked() []string {
	out := make([]string, len(s.Attempts))
	for i, a := range s.Attempts {
		out[i] = a.Phone
	}
	return out
}

// UnderWay tells whether the payer may still be asked, or money is on its way back: then what is known of the payer is needed.
func (s State) UnderWay() bool {
	for _, r := range s.Refunds {
		if r.Status == RefundPending {
			return true
		}
	}
	return s.Status() == StatusPending && len(s.Payments) == 0 && s.MergedInto == "" && s.Origin != FromC2B
}
