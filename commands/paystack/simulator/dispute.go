package simulator

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The states of a dispute and the answers to it (Paystack, Webhooks and Disputes).
const (
	disputeAwaitsMerchant = "awaiting-merchant-feedback"
	disputeAwaitsBank     = "awaiting-bank-feedback"
	disputeResolved       = "resolved"

	merchantAccepted = "merchant-accepted"
	autoAccepted     = "auto-accepted"
	declined         = "declined"
)

// The rhythm of disputes, with an hour made into a minute: reminders come every 4 h, and who is silent for three days
// has accepted. A bank decides for the merchant who declines.
const (
	complainAfter = 3 * time.Second
	remindEvery   = 4 * time.Minute
	disputeWindow = 72 * time.Minute
	bankDecides   = time.Minute
)

// maxDisputeEntries bounds the history and the messages of a dispute; the latest stay.
const maxDisputeEntries = 50

// dispute is a payer's complaint. Its fields are guarded by Simulator.mu.
type dispute struct {
	t        *transaction
	id       uint64
	amount   int64 // subunits that the payer wants back, then what came back
	category string
	out      outbox

	status     string
	resolution string
	dueAt      time.Time
	createdAt  time.Time
	updatedAt  time.Time
	resolvedAt time.Time
	evidence   *evidence
	uploads    []string // names that were given out
	attachment string
	history    []disputeStep
	messages   []disputeMessage
}

type disputeStep struct {
	Status    string `json:"status"`
	By        string `json:"by"`
	CreatedAt string `json:"createdAt"`
}

type disputeMessage struct {
	Sender    string `json:"sender"`
	Body      string `json:"body"`
	CreatedAt string `json:"createdAt"`
}

// DisputeOptions say what a payer complains about.
type DisputeOptions struct {
	Amount   int64  // subunits; 0 means all that has not gone back
	Category string // default chargeback
	Webhook  string // a name of WebhookScenarios; default that of the card that paid
}

// bankEmail stands where Paystack names who opened a dispute.
const bankEmail = "disputes@bank.example.com"

// OpenDispute lets the payer of a reference complain, and returns the dispute's id.
func (s *Simulator) OpenDispute(secretKey, reference string, o DisputeOptions) (uint64, error) {
	s.mu.Lock()
	a := s.accounts[secretKey]
	if a == nil || a.byReference[reference] == nil {
		s.mu.Unlock()
		return 0, errors.New("there is no such transaction")
	}
	d, before, err := s.complain(a.byReference[reference], o)
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	s.hand(s.ctx, &d.out, before)
	return d.id, nil
}

// complainLater is what the payer with the disputing card does.
func (s *Simulator) complainLater(t *transaction) {
	s.jobs.In(s.scaled(complainAfter), func(ctx context.Context) {
		s.mu.Lock()
		if s.byID[t.id] != t {
			s.mu.Unlock()
			return
		}
		d, before, err := s.complain(t, DisputeOptions{})
		s.mu.Unlock()
		if err != nil {
			s.log.Info("paystack opens no dispute", "reference", t.reference, "error", err)
			return
		}
		s.hand(ctx, &d.out, before)
	})
}

// complain opens a dispute. The caller holds mu.
func (s *Simulator) complain(t *transaction, o DisputeOptions) (*dispute, []letter, error) {
	left := t.amount - t.committed()
	if o.Amount == 0 {
		o.Amount = left
	}
	if o.Category == "" {
		o.Category = "chargeback"
	}
	if o.Webhook == "" {
		o.Webhook = t.habit
	}
	_, known := webhookScenario(o.Webhook)
	switch {
	case !t.paid():
		return nil, nil, errors.New("the transaction was not paid")
	case o.Amount <= 0 || o.Amount > left:
		return nil, nil, fmt.Errorf("amount: 1 to %d, what has not gone back", left)
	case !known:
		return nil, nil, fmt.Errorf("webhook: no scenario %q", o.Webhook)
	case len(t.disputes) >= maxDisputes:
		return nil, nil, fmt.Errorf("a transaction has at most %d disputes", maxDisputes)
	case len(o.Category) > maxNoteBytes:
		return nil, nil, errors.New("category: too long")
	case s.crowded():
		return nil, nil, errors.New("too many webhooks wait to be delivered")
	}
	for _, other := range t.disputes {
		if other.status != disputeResolved {
			return nil, nil, errors.New("the transaction has an open dispute")
		}
	}
	now := s.opts.Now()
	d := &dispute{
		t: t, id: s.nextID(), amount: o.Amount, category: o.Category, out: s.newOutbox(t.account, o.Webhook),
		createdAt: now, dueAt: now.Add(s.scaled(disputeWindow)),
	}
	t.disputes = append(t.disputes, d)
	s.disputes[d.id] = d
	s.keep(t, len(d.category))
	s.say(d, bankEmail, "The customer says that the payment was not made by them")
	s.enter(d, disputeAwaitsMerchant, bankEmail)
	s.remindLater(d)
	return d, s.tellDispute(d, "charge.dispute.create"), nil
}

// enter sets the status. The caller holds mu.
func (s *Simulator) enter(d *dispute, status, by string) {
	now := s.opts.Now()
	d.status, d.updatedAt = status, now
	d.history = append(d.history, disputeStep{status, by, stamp(now)})
	d.history = d.history[max(0, len(d.history)-maxDisputeEntries):]
}

// say adds a message. The caller holds mu.
func (s *Simulator) say(d *dispute, sender, body string) {
	d.messages = append(d.messages, disputeMessage{sender, body, stamp(s.opts.Now())})
	d.messages = d.messages[max(0, len(d.messages)-maxDisputeEntries):]
	s.keep(d.t, len(body))
}

// remindLater reminds the merchant until there is an answer or the time is up, which is an answer too.
func (s *Simulator) remindLater(d *dispute) {
	wait := min(s.scaled(remindEvery), d.dueAt.Sub(s.opts.Now()))
	s.jobs.In(wait, func(ctx context.Context) {
		s.mu.Lock()
		if s.disputes[d.id] != d || d.status != disputeAwaitsMerchant {
			s.mu.Unlock()
			return
		}
		if s.opts.Now().Before(d.dueAt) {
			before := s.tellDispute(d, "charge.dispute.remind")
			s.mu.Unlock()
			s.hand(ctx, &d.out, before)
			s.remindLater(d)
			return
		}
		end := s.resolve(d, autoAccepted, d.amount, bankEmail)
		s.mu.Unlock()
		end(ctx)
	})
}

// decideLater is the bank's answer to a merchant who declined.
func (s *Simulator) decideLater(d *dispute) {
	s.jobs.In(s.scaled(bankDecides), func(ctx context.Context) {
		s.mu.Lock()
		if s.disputes[d.id] != d || d.status != disputeAwaitsBank {
			s.mu.Unlock()
			return
		}
		end := s.resolve(d, declined, 0, bankEmail)
		s.mu.Unlock()
		end(ctx)
	})
}

// resolve ends a dispute: accepted, amount goes back as a refund that is linked to it; declined, the merchant keeps the
// money. The caller holds mu, lets go of it, and then calls end, which delivers and starts the refund.
func (s *Simulator) resolve(d *dispute, resolution string, amount int64, by string) (end func(context.Context)) {
	d.resolution, d.resolvedAt = resolution, s.opts.Now()
	amount = min(amount, d.t.amount-d.t.committed())
	if resolution == declined {
		amount = 0
	}
	d.amount = amount
	s.enter(d, disputeResolved, by)
	before := s.tellDispute(d, "charge.dispute.resolve")
	var back *refund
	var first []letter
	if amount > 0 {
		note := fmt.Sprintf("Refund for dispute %d", d.id)
		back = &refund{t: d.t, amount: amount, customerNote: note, merchantNote: note, dispute: d, outcome: RefundSucceeds}
		first = s.giveBack(back, d.out.habit)
	}
	return func(ctx context.Context) {
		s.hand(ctx, &d.out, before)
		if back != nil {
			s.hand(ctx, &back.out, first)
			s.startRefund(back)
		}
	}
}

// tellDispute queues a webhook about the dispute as it stands. The caller holds mu.
func (s *Simulator) tellDispute(d *dispute, event string) []letter {
	data := s.disputeView(d)
	return s.tell(&d.out, notice{event: event, reference: d.t.reference, word: func(wrong spoil) []byte {
		told := disputeHook{data.disputeBody, data.CreatedAt, data.UpdatedAt}
		wrong.into(&told.RefundAmount, &told.Currency, &told.Domain)
		return eventBody(event, told, wrong)
	}}, d.status == disputeResolved)
}
