package transaction

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

// What the provider dates happened then, whenever we came to know of it; all else when it came.
func TestWhatTheProviderDatesHappenedThen(t *testing.T) {
	occurred, theirs := time.Date(2026, 11, 1, 0, 5, 0, 0, time.UTC), time.Date(2026, 10, 31, 23, 58, 0, 0, time.UTC)
	paid := State{Payments: []Payment{{Receipt: "RKTQDM7W6S", PaidAt: theirs}}}
	for _, c := range []struct {
		event domain.Event
		want  time.Time
	}{
		{PaymentReceived{PaidAt: theirs}, theirs},
		{Completed{PaidAt: theirs}, theirs},
		{Completed{}, occurred},
		{Merged{}, theirs},
		{RefundCompleted{RefundedAt: theirs}, theirs},
		{PaymentReversed{ReversedAt: theirs}, theirs},
		{CallbackReceived{At: occurred}, occurred},
		{Expired{At: occurred}, occurred},
	} {
		if got := EffectiveAt(paid, c.event, occurred); !got.Equal(c.want) {
			t.Errorf("%s happened at %s; want %s", c.event.EventType(), got, c.want)
		}
	}
	if got := EffectiveAt(State{}, Merged{}, occurred); !got.Equal(occurred) {
		t.Errorf("a payment without money was merged at %s; want %s", got, occurred)
	}
}
