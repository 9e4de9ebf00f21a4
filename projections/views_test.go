package projections

import (
	"testing"
	"time"

	"github.com/benfex/kipay/projections/projectionstest"
)

// viewed is how many payments analysts see.
func viewed(t *testing.T, b *bench) (n uint64) {
	t.Helper()
	if err := b.engine.Conn.QueryRow(t.Context(), "SELECT count() FROM kipay.transactions").Scan(&n); err != nil {
		t.Error(err)
	}
	return n
}

func stored(t *testing.T, b *bench) {
	t.Helper()
	until(t, "all is stored", func() bool {
		at, err := readCheckpoint(t.Context(), b.engine.Conn, b.projector.Generation())
		return err == nil && at == b.Head(t)
	})
}

// Views are swapped before the line that makes the new tables serve. Killed in between, analysts looked at tables that
// nothing is written to any more.
func TestViewsOfASwapThatWasBrokenOffComeBack(t *testing.T) {
	b := newBench(t)
	stop := run(t, b.projector)
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 2)
	caughtUp(t, b.projector, b.Head(t))
	stop()
	half := func() {
		t.Helper()
		if err := createGeneration(t.Context(), b.db(), 2); err != nil {
			t.Fatal(err)
		}
		if err := runFolder(t.Context(), b.db(), "schema/views", 2); err != nil {
			t.Fatal(err)
		}
	}
	half()
	b.projector = b.newProjector(t)
	stop = run(t, b.projector)
	storyOf(t, b.Install, 1, 1)
	caughtUp(t, b.projector, b.Head(t))
	stored(t, b)
	if n := viewed(t, b); n != 3 {
		t.Errorf("after the next start the view shows %d payments of 3", n)
	}
	stop()

	half()
	b.projector.abandon(projectionstest.Within(t), 2)
	if n := viewed(t, b); n != 3 {
		t.Errorf("after the swap was given up the view shows %d payments of 3", n)
	}
}

// The clock may have been wrong when the tables were made, and right when they are swapped.
func TestARebuildAfterTheClockWasPutBackServes(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	b.Merchant(t, 1, "")
	storyOf(t, b.Install, 1, 2)
	caughtUp(t, b.projector, b.Head(t))
	ahead := uint64(time.Now().Add(365 * 24 * time.Hour).UnixNano())
	exec(t, b.engine.Conn, `INSERT INTO kipay.generations (sequence, generation, state, layout, position, at)
		SELECT {ahead:UInt64}, generation, state, layout, position, at FROM kipay.generations WHERE state = 'serving'`, namedNumber("ahead", ahead))
	rebuilt, err := b.projector.Rebuild(projectionstest.Within(t), func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	serving, _, err := servingGeneration(t.Context(), b.db())
	if err != nil || serving != rebuilt.To {
		t.Errorf("generation %d serves after a rebuild as %d: %v", serving, rebuilt.To, err)
	}
}
