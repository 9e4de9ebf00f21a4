package simulator

import (
	"context"
	"slices"
	"time"
)

// RefundOutcome is how a refund ends.
type RefundOutcome string

// The outcomes of a refund.
const (
	RefundSucceeds RefundOutcome = "processed"
	RefundFails    RefundOutcome = "failed"
	RefundStalls   RefundOutcome = "needs-attention" // until it is retried with the customer's account
)

func refundOutcomes() []RefundOutcome {
	return []RefundOutcome{RefundSucceeds, RefundFails, RefundStalls}
}

// The states of a refund (Paystack, Refunds).
const (
	refundPending        = "pending"
	refundProcessing     = "processing"
	refundProcessed      = string(RefundSucceeds)
	refundFailed         = string(RefundFails)
	refundNeedsAttention = string(RefundStalls)
)

// refundStep is how long a refund stays pending, and how long it is processing; really these are days.
const refundStep = 2 * time.Second

// refund is money on its way back. Its fields are guarded by Simulator.mu.
type refund struct {
	t            *transaction
	id           uint64
	amount       int64 // subunits
	customerNote string
	merchantNote string
	dispute      *dispute // that it comes from, or nil
	outcome      RefundOutcome
	out          outbox

	status      string
	reference   string // refund_reference: null until the bank has it
	deducted    int64  // by settlements
	settlement  *settlement
	createdAt   time.Time
	updatedAt   time.Time
	processedAt time.Time
}

// giveBack starts a refund, takes it from the balance, and tells that it is pending. What has to be delivered first
// comes back, and only then startRefund sets it going. The caller holds mu.
func (s *Simulator) giveBack(r *refund, habit string) (before []letter) {
	now := s.opts.Now()
	r.id, r.status, r.createdAt, r.updatedAt = s.nextID(), refundPending, now, now
	r.out = s.newOutbox(r.t.account, habit)
	r.t.refunds = append(r.t.refunds, r)
	r.t.account.balance[r.t.currency] -= r.amount
	r.t.restate()
	s.refunds[r.id] = r
	s.keep(r.t, len(r.customerNote)+len(r.merchantNote))
	return s.tellRefund(r)
}

// startRefund lets a pending or retried refund take its course.
func (s *Simulator) startRefund(r *refund) {
	s.jobs.In(s.scaled(refundStep), func(ctx context.Context) { s.stepRefund(ctx, r) })
}

// stepRefund moves a refund on by one state.
func (s *Simulator) stepRefund(ctx context.Context, r *refund) {
	s.mu.Lock()
	if s.refunds[r.id] != r { // forgotten
		s.mu.Unlock()
		return
	}
	now := s.opts.Now()
	switch r.status {
	case refundPending:
		r.status, r.reference = refundProcessing, "RFD_"+s.letters(12, lower)
	case refundProcessing:
		r.status = string(r.outcome)
	}
	r.updatedAt = now
	switch r.status {
	case refundProcessed:
		r.processedAt = now
	case refundFailed:
		r.t.account.balance[r.t.currency] += r.amount
	}
	r.t.restate()
	before := s.tellRefund(r)
	goesOn := r.status == refundProcessing
	s.mu.Unlock()
	s.hand(ctx, &r.out, before)
	if goesOn {
		s.startRefund(r)
	}
}

// tellRefund queues the webhook about the refund's state. The caller holds mu.
func (s *Simulator) tellRefund(r *refund) []letter {
	data, event := r.hookView(), "refund."+r.status
	over := slices.Contains([]string{refundProcessed, refundFailed, refundNeedsAttention}, r.status)
	return s.tell(&r.out, notice{event: event, reference: r.t.reference, word: func(wrong spoil) []byte {
		told := data
		amount := r.amount // never changes
		wrong.into(&amount, &told.Currency, &told.Domain)
		told.Amount = decimal(amount)
		return eventBody(event, told, wrong)
	}}, over)
}

// committed is what of a payment has gone back or is about to.
func (t *transaction) committed() int64 {
	sum := int64(0)
	for _, r := range t.refunds {
		if r.status != refundFailed {
			sum += r.amount
		}
	}
	return sum
}
