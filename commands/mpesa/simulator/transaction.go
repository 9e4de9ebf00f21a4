package simulator

import (
	"slices"
	"strings"
	"time"
)

// transaction is an accepted push. Its fields are guarded by Simulator.mu.
type transaction struct {
	merchantRequestID string
	checkoutRequestID string
	scenario          string
	shortCode         string
	partyB            string
	msisdn            string
	amount            int64 // shillings
	callbackURL       string
	accountReference  string
	buyGoods          bool
	receipt           string
	secondReceipt     string
	confirmation      string   // the body, made once: copies are identical
	payment           *payment // nil while it is not paid, and never will be
	plan              plan
	acceptedAt        time.Time
	paidAt            time.Time
	phases            []timedPhase
	lockedUntil       time.Time // zero: until a person decides
	queries           int
}

// timedPhase is a phase on the clock.
type timedPhase struct {
	from time.Time
	phase
}

// saysAt is what the query answers at a moment.
func (t *transaction) saysAt(now time.Time) phase {
	current := t.phases[0].phase
	for _, p := range t.phases[1:] {
		if !now.Before(p.from) {
			current = p.phase
		}
	}
	return current
}

// undecided is true while a person has not answered the prompt.
func (t *transaction) undecided() bool { return t.plan.manual && len(t.phases) == 1 }

// live is true while the subscriber is locked by this prompt.
func (t *transaction) live(now time.Time) bool {
	return t.undecided() || now.Before(t.lockedUntil)
}

// open registers a push that was accepted. The caller holds mu.
func (s *Simulator) open(req pushRequest, sc Scenario, p plan, now time.Time) *transaction {
	t := &transaction{
		merchantRequestID: s.merchantRequestID(), checkoutRequestID: s.checkoutRequestID(now, req.phone),
		scenario: sc.Name, shortCode: req.shortCode, partyB: req.partyB, msisdn: req.phone, amount: req.amount,
		callbackURL: req.callbackURL, accountReference: req.accountReference, buyGoods: req.buyGoods,
		plan: p, acceptedAt: now, lockedUntil: now,
	}
	for _, ph := range p.query {
		t.phases = append(t.phases, timedPhase{now.Add(s.scaled(ph.after)), ph})
	}
	if len(t.phases) == 0 { // nothing is behind the lost answer, and no id by which to ask
		t.phases = []timedPhase{{now, phase{say: sayProcessing}}}
	}
	switch end := p.end(); {
	case p.manual:
	case end.say == sayResult:
		t.lockedUntil = now.Add(s.scaled(min(end.after, longestLock)))
	default: // a prompt that never ends leaves the phone after a minute all the same
		t.lockedUntil = now.Add(s.scaled(longestLock))
	}
	s.transactions[t.checkoutRequestID] = t
	s.order = append(s.order, t)
	s.prompts[t.msisdn] = t
	s.evict()
	return t
}

// evict forgets the oldest transactions beyond the limit. The caller holds mu.
func (s *Simulator) evict() {
	for len(s.order) > s.opts.MaxTransactions {
		old := s.order[0]
		s.order[0] = nil
		s.order = s.order[1:]
		delete(s.transactions, old.checkoutRequestID)
		delete(s.receipts, old.receipt)
		delete(s.receipts, old.secondReceipt)
		if s.prompts[old.msisdn] == old {
			delete(s.prompts, old.msisdn)
		}
	}
}

// schedule starts t's deliveries, in order and one after the other: at a high Speed two timers would race, and the
// order is what a scenario is about.
func (s *Simulator) schedule(t *transaction, sends []send) {
	slices.SortStableFunc(sends, func(a, b send) int { return int(a.after - b.after) })
	s.next(t, sends)
}

// Prompt is a push as the admin API and the page show it.
type Prompt struct {
	CheckoutRequestID string    `json:"checkout_request_id"`
	MerchantRequestID string    `json:"merchant_request_id"`
	MSISDN            string    `json:"msisdn"`
	ShortCode         string    `json:"shortcode"`
	Amount            int64     `json:"amount"`
	AccountReference  string    `json:"account_reference"`
	Scenario          string    `json:"scenario"`
	AcceptedAt        time.Time `json:"accepted_at"`
	Manual            bool      `json:"manual"` // waits for a person
}

// Prompts are the pushes that hold a phone now, oldest first.
func (s *Simulator) Prompts() []Prompt {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	list := []Prompt{}
	for msisdn, t := range s.prompts {
		if !t.live(now) {
			delete(s.prompts, msisdn)
			continue
		}
		list = append(list, Prompt{
			CheckoutRequestID: t.checkoutRequestID, MerchantRequestID: t.merchantRequestID, MSISDN: t.msisdn,
			ShortCode: t.shortCode, Amount: t.amount, AccountReference: t.accountReference, Scenario: t.scenario,
			AcceptedAt: t.acceptedAt, Manual: t.undecided(),
		})
	}
	slices.SortFunc(list, func(a, b Prompt) int {
		if c := a.AcceptedAt.Compare(b.AcceptedAt); c != 0 {
			return c
		}
		return strings.Compare(a.CheckoutRequestID, b.CheckoutRequestID)
	})
	return list
}
