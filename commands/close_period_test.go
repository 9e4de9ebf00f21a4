package commands_test

import (
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
)

// Whoever closes a month again is told where its books end, and not where those of a later month do.
func TestAMonthThatIsClosedAgainWasClosedWhereItWas(t *testing.T) {
	w := newWorld(t, "sandbox")
	at := map[period.Month]uint64{}
	for _, month := range []period.Month{202608, 202609, 202610} {
		position, err := w.write.ClosePeriod(t.Context(), w.merchant, domain.ModeTest, month)
		if err != nil {
			t.Fatal(err)
		}
		at[month] = uint64(position)
	}
	at[202601] = at[202608] // closed with it
	for month, want := range at {
		if again, err := w.write.ClosePeriod(t.Context(), w.merchant, domain.ModeTest, month); err != nil || uint64(again) != want {
			t.Errorf("%s was closed at %d, and again at %d: %v", month, want, again, err)
		}
	}
}
