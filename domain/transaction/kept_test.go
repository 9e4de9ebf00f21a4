package transaction

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

func TestRetentionCountsFromWhereMoneyLastMoved(t *testing.T) {
	paidNow := paid("R1", kes(1000), 3)
	receive, _ := paidNow.Decide(state(push()...))
	for name, c := range map[string]struct {
		events   []domain.Event
		want     time.Time
		underWay bool
	}{
		"nothing yet":          {push(), time.Time{}, true},
		"failed":               {push(failing(FailedByNotice, "1032", 2).failedEvent()), time.Time{}, false},
		"paid":                 {push(receive...), paidNow.PaidAt, false},
		"confirmed":            {push(confirmed(4).confirmedEvent(kes(1000), kes(0))), at(4), false},
		"a refund is promised": {push(append(receive, RefundRequested{Refund: 1, Amount: kes(10), Surplus: kes(0)})...), paidNow.PaidAt, true},
		"a refund is done": {push(append(receive, RefundRequested{Refund: 1, Amount: kes(10), Surplus: kes(0)},
			RefundCompleted{Refund: 1, Amount: kes(10), RefundedAt: at(90)})...), at(90), false},
		"taken back":      {push(append(receive, PaymentReversed{Amount: kes(10), Surplus: kes(0), ReversedAt: at(99)})...), at(99), false},
		"too little came": {push(paid("R1", kes(10), 3).receivedEvent(kes(10), kes(0))), paidNow.PaidAt, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := state(c.events...)
			if got := s.LastMoved(); !got.Equal(c.want) {
				t.Errorf("money last moved at %s, want %s", got, c.want)
			}
			if s.UnderWay() != c.underWay {
				t.Errorf("under way %v", s.UnderWay())
			}
		})
	}
}

func state(events ...domain.Event) State {
	var s State
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s
}
