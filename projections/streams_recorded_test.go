package projections

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStreamsAreFoundByWhenTheirEventsWereRecorded(t *testing.T) {
	b := newBench(t)
	b.Merchant(t, 1, "")
	b.Merchant(t, 2, "")
	b.StatementOf(t, 1, "QGR7I8K2ZZ")
	b.StatementOf(t, 2, "QGR7I8K2ZX")
	run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	now := time.Now() // the log's own clock records
	for _, c := range []struct {
		types       []string
		from, until time.Time
		want        []string
	}{
		{[]string{"SuspenseOpened", "SuspenseReleased"}, now.AddDate(0, 0, -1), now.AddDate(0, 0, 1), []string{"receipt-mpesa.sandbox-QGR7I8K2ZZ"}},
		{[]string{"SuspenseOpened"}, now.AddDate(0, 0, -3), now.AddDate(0, 0, -1), nil},
		{[]string{"SuspenseReleased"}, now.AddDate(0, 0, -1), now.AddDate(0, 0, 1), nil},
	} {
		got, err := b.reader.StreamsRecorded(t.Context(), 1, c.types, c.from, c.until)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.types, diff)
		}
	}
}
