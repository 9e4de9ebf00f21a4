package reactor

import (
	"testing"

	"github.com/benfex/kipay/eventstore"
)

// A card page stays open for a day, and everything that happens meanwhile has been done long ago: it must not pile up behind.
func TestWhatIsDoneIsForgottenThoughSomethingOlderWaits(t *testing.T) {
	s := &source{name: "watch"}
	s.read(3) // positions may have gaps: a checkpoint is one that an event had
	page := &task{source: s, position: 7, kind: kindCard}
	s.begin(page)
	for n := range 10_000 {
		done := &task{source: s, position: eventstore.Position(8 + n), done: true}
		s.begin(done)
		s.read(done.position)
	}
	last := &task{source: s, position: 20_000}
	s.begin(last)
	if p, worth := s.checkpoint(); p != 3 || !worth {
		t.Errorf("checkpoint %d, %v; want what was read before the page", p, worth)
	}
	if n := len(s.open); n != 2 || s.open[0] != page || s.open[1] != last {
		t.Errorf("%d tasks are remembered for two that wait", n)
	}
	page.done = true
	if p, _ := s.checkpoint(); p != 10_007 {
		t.Errorf("checkpoint %d; want what was read before the last", p)
	}
}
