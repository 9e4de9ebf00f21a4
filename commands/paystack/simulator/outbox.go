package simulator

import (
	"context"
	"slices"
	"time"
)

// reordered is the habit of telling the events of one matter backwards.
const reordered = "reordered"

// outbox sends the webhooks of one matter, a refund or a dispute, one after the other: at a high Speed their timers would
// race. The habit is that of the card which paid, or scripted. Guarded by Simulator.mu.
type outbox struct {
	account *account
	habit   string
	epoch   int
	queue   []letter
	held    []notice // until the matter is over, when the habit is to reorder
	busy    bool
}

type letter struct {
	notice
	hook
	due time.Time
}

func (s *Simulator) newOutbox(a *account, habit string) outbox {
	return outbox{account: a, habit: habit, epoch: s.epoch}
}

// tell queues n by the habit. last says that the matter is over. What is to be delivered before anything else happens
// comes back: the caller does that with hand, after it has let go of mu, which it holds.
func (s *Simulator) tell(o *outbox, n notice, last bool) (before []letter) {
	notices := []notice{n}
	if o.habit == reordered {
		if o.held = append(o.held, n); !last {
			return nil
		}
		notices, o.held = o.held, nil
		slices.Reverse(notices)
	}
	scenario, _ := webhookScenario(o.habit)
	now := s.opts.Now()
	for _, n := range notices {
		for _, h := range scenario.sends {
			l := letter{n, h, now.Add(s.scaled(h.after))}
			if h.beforeRedirect {
				before = append(before, l)
			} else {
				o.queue = append(o.queue, l)
			}
		}
	}
	if len(o.queue) > 0 && !o.busy {
		o.busy = true
		s.next(o)
	}
	return before
}

// next waits for the first letter's time. The caller holds mu.
func (s *Simulator) next(o *outbox) {
	s.jobs.In(o.queue[0].due.Sub(s.opts.Now()), func(ctx context.Context) {
		s.mu.Lock()
		if o.epoch != s.epoch {
			s.mu.Unlock()
			return
		}
		l := o.queue[0]
		o.queue = o.queue[1:]
		s.mu.Unlock()
		s.deliver(ctx, o.account, l.notice, l.hook, 1)
		s.mu.Lock()
		defer s.mu.Unlock()
		if o.busy = len(o.queue) > 0 && o.epoch == s.epoch; o.busy {
			s.next(o)
		}
	})
}

// hand delivers letters at once.
func (s *Simulator) hand(ctx context.Context, o *outbox, letters []letter) {
	for _, l := range letters {
		s.deliver(ctx, o.account, l.notice, l.hook, 1)
	}
}
