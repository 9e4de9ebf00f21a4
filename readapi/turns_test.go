package readapi

import (
	"context"
	"errors"
	"testing"
)

// A merchant that reads its reports slowly holds its own share of the turns, and no more.
func TestOneMerchantNeverHoldsAllTurns(t *testing.T) {
	turns := newTurns(3, 2)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	take := func(ctx context.Context, merchantID int64) func() {
		t.Helper()
		done, err := turns.take(ctx, merchantID)
		if err != nil {
			t.Fatalf("merchant %d waits: %v", merchantID, err)
		}
		return done
	}
	first, second := take(t.Context(), 1), take(t.Context(), 1)
	if _, err := turns.take(over, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("a third turn of one merchant: %v", err)
	}
	other := take(t.Context(), 2)
	if _, err := turns.take(over, 3); !errors.Is(err, context.Canceled) {
		t.Fatalf("a fourth turn: %v", err)
	}
	first()
	third := take(t.Context(), 3)
	for _, done := range []func(){second, other, third} {
		done()
	}
	if len(turns.own) != 0 {
		t.Errorf("%d merchants are remembered who hold nothing", len(turns.own))
	}
	for id := range int64(3) {
		take(t.Context(), id)
	}
}
