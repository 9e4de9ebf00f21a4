package simulator

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// How an account is paid out. A day's payments (UTC) are settled when the day has ended, one settlement a currency, and
// paid the next morning. Refunds that were processed before the end of the day are deducted, the oldest first, as far as
// the money goes; what is left of them is deducted from the next.
const payoutAfter = 6 * time.Hour

// settlement is one payout. Its sums stay when transactions of it are forgotten.
type settlement struct {
	id         uint64
	currency   string
	date       time.Time // the day after the payments
	paidAt     time.Time
	createdAt  time.Time
	processed  int64 // subunits: the payments
	fees       int64
	deductions int64
	kept       int // transactions that are still there
}

// net is what reaches the bank: amounts - fees - refunds.
func (st *settlement) net() int64 { return st.processed - st.fees - st.deductions }

// enterPayment enters a payment into the account. The caller holds mu.
func (s *Simulator) enterPayment(t *transaction, habit string, now time.Time) {
	t.status, t.paidAt, t.habit = statusSuccess, now, habit
	t.fee = s.opts.Fees.of(t.amount)
	t.account.balance[t.currency] += t.amount - t.fee
}

// forget takes out of the account what a forgotten transaction still had in it. The caller holds mu.
func (s *Simulator) forget(t *transaction) {
	if t.paid() && t.settlement == nil {
		t.account.balance[t.currency] -= t.amount - t.fee
	}
	for _, r := range t.refunds {
		if r.status != refundFailed {
			t.account.balance[t.currency] += r.amount - r.deducted
		}
		delete(s.refunds, r.id)
	}
	for _, d := range t.disputes {
		delete(s.disputes, d.id)
	}
	if st := t.settlement; st != nil {
		if st.kept--; st.kept == 0 {
			t.account.settlements = slices.DeleteFunc(t.account.settlements, func(other *settlement) bool { return other == st })
		}
	}
}

// closeDays settles every day that is over. The caller holds mu.
func (s *Simulator) closeDays(a *account) {
	today := dayOf(s.opts.Now())
	due := a.unsettled(today)
	for len(due) > 0 {
		end := dayOf(due[0].paidAt).AddDate(0, 0, 1)
		n := slices.IndexFunc(due, func(t *transaction) bool { return !t.paidAt.Before(end) })
		if n < 0 {
			n = len(due)
		}
		s.settle(a, due[:n], end, end, end.Add(payoutAfter))
		due = due[n:]
	}
}

// SettleNow settles and pays what every account has earned so far, as if the day were over. It returns how many
// settlements that made.
func (s *Simulator) SettleNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := 0
	for _, a := range s.accounts {
		s.closeDays(a)
		now := s.opts.Now()
		before := len(a.settlements)
		s.settle(a, a.unsettled(now.Add(1)), now.Add(1), now, now)
		made += len(a.settlements) - before
	}
	return made
}

func dayOf(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// unsettled are the payments before a moment that no settlement has, in order.
func (a *account) unsettled(before time.Time) []*transaction {
	var list []*transaction
	for _, t := range a.order {
		if t.paid() && t.settlement == nil && t.paidAt.Before(before) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(x, y *transaction) int { return cmp.Or(x.paidAt.Compare(y.paidAt), cmp.Compare(x.id, y.id)) })
	return list
}

// deductible are the refunds that were processed before a moment and have something left to deduct, in order.
func (a *account) deductible(currency string, before time.Time) []*refund {
	var list []*refund
	for _, t := range a.order {
		for _, r := range t.refunds {
			if t.currency == currency && r.status == refundProcessed && r.processedAt.Before(before) && r.deducted < r.amount {
				list = append(list, r)
			}
		}
	}
	slices.SortFunc(list, func(x, y *refund) int { return cmp.Or(x.processedAt.Compare(y.processedAt), cmp.Compare(x.id, y.id)) })
	return list
}

// settle makes one settlement for each currency among the payments. The caller holds mu.
func (s *Simulator) settle(a *account, payments []*transaction, cutoff, date, paidAt time.Time) {
	earned := map[string]bool{}
	for _, t := range payments {
		earned[t.currency] = true
	}
	for _, currency := range slices.Sorted(maps.Keys(earned)) {
		st := &settlement{currency: currency, date: date, paidAt: paidAt, createdAt: date}
		for _, t := range payments {
			if t.currency == currency {
				t.settlement = st
				st.kept++
				st.processed += t.amount
				st.fees += t.fee
			}
		}
		st.id = s.nextID()
		for _, r := range a.deductible(currency, cutoff) {
			if part := min(r.amount-r.deducted, st.net()); part > 0 {
				r.deducted += part
				r.settlement = st
				st.deductions += part
			}
		}
		a.balance[currency] -= st.net()
		a.settlements = append(a.settlements, st)
	}
}
