package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// Next scripts what comes: a fault of one API call (On and Fault), the next attempt to pay on the page (Outcome, Webhook
// or both), or the next refund (Refund, and Webhook if wanted), whatever the card.
type Next struct {
	On    string `json:"on,omitempty"` // initialize, verify, list, refund, refunds, settlement or dispute
	Fault Fault  `json:"fault,omitempty"`

	Outcome   Outcome       `json:"outcome,omitempty"`
	Refund    RefundOutcome `json:"refund,omitempty"`
	Webhook   string        `json:"webhook,omitempty"`   // a name of WebhookScenarios
	Reference string        `json:"reference,omitempty"` // limits it to one payment

	// Times is how often it holds; 0 means 1.
	Times int `json:"times,omitempty"`
}

func (n Next) validate() error {
	switch {
	case n.On != "" || n.Fault != NoFault:
		if n.Outcome != "" || n.Refund != "" || n.Webhook != "" || n.Reference != "" {
			return fmt.Errorf("on and fault go with times only")
		}
		if !slices.Contains(apis(), n.On) {
			return fmt.Errorf("on: one of %s, not %q", strings.Join(apis(), ", "), n.On)
		}
		if n.Fault == NoFault || !n.Fault.known() {
			return fmt.Errorf("fault: no fault %q", n.Fault)
		}
	case n.Outcome != "" && n.Refund != "":
		return fmt.Errorf("outcome is of a payment, refund of a refund: give one")
	case n.Outcome == "" && n.Refund == "" && n.Webhook == "":
		return fmt.Errorf("give on and fault, or outcome, refund or webhook")
	}
	if n.Refund != "" && !slices.Contains(refundOutcomes(), n.Refund) {
		return fmt.Errorf("refund: no outcome %q", n.Refund)
	}
	if n.Outcome != "" && !slices.Contains(outcomes(), n.Outcome) {
		return fmt.Errorf("outcome: no outcome %q", n.Outcome)
	}
	if _, known := webhookScenario(n.Webhook); n.Webhook != "" && !known {
		return fmt.Errorf("webhook: no scenario %q", n.Webhook)
	}
	if n.Times < 0 {
		return fmt.Errorf("times: %d is negative", n.Times)
	}
	return nil
}

// Script queues n, first come first served.
func (s *Simulator) Script(n Next) error {
	if err := n.validate(); err != nil {
		return err
	}
	n.Times = max(1, n.Times)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.scripted) >= maxScripted {
		return fmt.Errorf("%d steps are scripted already", maxScripted)
	}
	s.scripted = append(s.scripted, n)
	return nil
}

// take uses up one of the first scripted step that fits. The caller holds mu.
func (s *Simulator) take(fits func(Next) bool) (Next, bool) {
	for i := range s.scripted {
		n := s.scripted[i]
		if !fits(n) {
			continue
		}
		if s.scripted[i].Times--; s.scripted[i].Times == 0 {
			s.scripted = append(s.scripted[:i], s.scripted[i+1:]...)
		}
		return n, true
	}
	return Next{}, false
}

// faultOn is the fault of this call: scripted for it, or switched on.
func (s *Simulator) faultOn(on string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, scripted := s.take(func(n Next) bool { return on != "" && n.On == on }); scripted {
		return n.Fault
	}
	return s.faults.of(on)
}
