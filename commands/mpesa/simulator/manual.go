package simulator

import (
	"context"
	"fmt"
	"time"
)

// Decision is what a person does with the prompt on the phone.
type Decision string

// The decisions.
const (
	Approve  Decision = "approve"
	Cancel   Decision = "cancel"
	WrongPIN Decision = "wrong-pin"
	Ignore   Decision = "ignore"
)

// patience is how long a prompt waits for a person, in real time: people do not run faster with Speed.
const patience = 3 * time.Minute

func (d Decision) result() (Result, error) {
	switch d {
	case Approve:
		return resultOf("0"), nil
	case Cancel:
		return resultOf("1032"), nil
	case WrongPIN:
		return resultOf("2001"), nil
	case Ignore:
		return resultOf("1037"), nil
	}
	return Result{}, fmt.Errorf("no decision %q: approve, cancel, wrong-pin or ignore", d)
}

// Decide ends a prompt in manual mode. The callback follows at once, then the C2B confirmation of a payment.
func (s *Simulator) Decide(checkoutRequestID string, d Decision) error {
	result, err := d.result()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.transactions[checkoutRequestID]
	if t == nil || !t.undecided() {
		return fmt.Errorf("no prompt %q waits for a decision", checkoutRequestID)
	}
	now := s.opts.Now()
	t.phases = append(t.phases, timedPhase{now, phase{0, sayResult, result}})
	t.lockedUntil = now
	t.acceptedAt = now // the sends below count from the decision
	p := ends(result.Code, 0)
	p.confirm = t.plan.confirm
	s.schedule(t, s.withConfirmations(t, p))
	return nil
}

// awaitPerson gives up on a prompt after a while, as the phone does.
func (s *Simulator) awaitPerson(t *transaction) {
	s.jobs.In(patience, func(context.Context) {
		if err := s.Decide(t.checkoutRequestID, Ignore); err != nil {
			s.log.Debug("daraja: the prompt was decided in time", "checkout", t.checkoutRequestID)
		}
	})
}
