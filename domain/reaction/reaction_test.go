package reaction

import (
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func to(position uint64) Checkpointed {
	return Checkpointed{Reactor: "watch", Position: position, At: t0}
}

func TestCheckpointNeverMovesBack(t *testing.T) {
	s := given[State](t).when(Checkpoint{to(10)}).then(to(10)).
		when(Checkpoint{to(10)}).thenNothing().
		when(Checkpoint{to(9)}).thenNothing().
		when(Checkpoint{to(11)}).then(to(11))
	if s.state.Position != 11 {
		t.Errorf("is at %d", s.state.Position)
	}
	given[State](t).when(Checkpoint{to(0)}).thenNothing()
}

func TestStreamOfAReactor(t *testing.T) {
	if got := Stream("watch"); got != "reactor-watch" {
		t.Error(got)
	}
}
