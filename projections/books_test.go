package projections

import (
	"slices"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// TestActiveTransactionsSayWhereTheyAre reads each from its first to its newest event, whichever of them the time holds.
func TestActiveTransactionsSayWhereTheyAre(t *testing.T) {
	b := newBench(t)
	b.Merchant(t, 1, "")
	b.Merchant(t, 2, "")
	start := b.Now().Truncate(time.Hour)
	open := func(at time.Time, merchant int64) transaction.Reference {
		b.Set(at)
		ref, _ := b.Open(t, projectionstest.Payment{Merchant: merchant, Origin: transaction.FromPush})
		return ref
	}
	day := func(n int) time.Time { return start.AddDate(0, 0, n) }
	early := open(day(0), 1) // paid within the time
	quiet := open(day(0), 1) // nothing happens to it then
	inside := open(day(10), 1)
	others := open(day(10), 2)
	b.Set(day(11))
	b.Pay(t, 1, early, 1000_00)
	b.Pay(t, 1, inside, 1000_00)
	late := open(day(12), 1) // paid after the time
	heard := open(day(40), 1)
	b.Set(day(41))
	b.PayAt(t, 1, heard, 1000_00, day(12)) // heard of after the time, and paid in it
	b.Pay(t, 1, late, 1000_00)
	b.Refund(t, 1, inside, 0, true)
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))

	got, err := b.reader.ActiveTransactions(t.Context(), 1, domain.ModeTest, day(9), day(20))
	if err != nil {
		t.Fatal(err)
	}
	var want []Active
	for _, ref := range []transaction.Reference{early, inside, late, heard} {
		events, err := b.Store.ReadStream(t.Context(), ref.Stream(), 0, eventstore.Forward, 100)
		if err != nil {
			t.Fatal(err)
		}
		a := Active{string(ref), events[0].Position, events[len(events)-1].Position}
		if ref == early || ref == heard {
			a.First = 0 // opened at another time: it is read by its stream
		}
		want = append(want, a)
	}
	byName := func(a, b Active) int { return int(int64(a.Last) - int64(b.Last)) }
	slices.SortFunc(got, byName)
	slices.SortFunc(want, byName)
	if !slices.Equal(got, want) {
		t.Errorf("active are %+v, want %+v; not %s or %s", got, want, quiet, others)
	}
}
