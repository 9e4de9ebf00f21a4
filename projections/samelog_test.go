package projections

import (
	"errors"
	"testing"

	"github.com/benfex/kipay/projections/projectionstest"
)

// The event store's address was changed, or a folder put back from elsewhere: positions of another log passed for this one's, and
// what stood before them never came to the lists.
func TestReadModelsOfAnotherLogAreNotGoneOnWith(t *testing.T) {
	b := newBench(t)
	b.Merchant(t, 1, "")
	stop := run(t, b.projector)
	caughtUp(t, b.projector, b.Head(t))
	stop()

	again := b.newProjector(t)
	stop = run(t, again)
	b.Merchant(t, 2, "")
	caughtUp(t, again, b.Head(t)) // the same log is gone on with
	stop()

	b.Install = projectionstest.NewInstall(t)
	for id := range int64(5) {
		b.Merchant(t, 10+id, "")
	}
	other := b.newProjector(t)
	stop = run(t, other)
	until(t, "the other log is noticed", func() bool { return errors.Is(other.Ready(), ErrOtherLog) })
	if at := other.Position(); at != 0 {
		t.Errorf("lists are served, at position %d", at)
	}
	if _, err := other.Rebuild(t.Context(), func(Progress) {}); err != nil {
		t.Fatal(err)
	}
	caughtUp(t, other, b.Head(t))
	verified(t, other)
	stop()
}
