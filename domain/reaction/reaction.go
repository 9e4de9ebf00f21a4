// Package reaction holds how far the reactors have come. A reactor's stream is reactor-{name}.
package reaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// Stream is the stream of a reactor's checkpoints.
func Stream(name string) string { return "reactor-" + name }

// Checkpointed says that everything at or before the position that the reactor cares about has been dealt with.
type Checkpointed struct {
	Reactor  string    `json:"reactor"`
	Position uint64    `json:"position"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Checkpointed) EventType() string { return "ReactorCheckpointed" }

// State is the last checkpoint.
type State struct{ Position uint64 }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	if e, ok := e.(Checkpointed); ok {
		s.Position = e.Position
	}
	return s
}

// Checkpoint moves a reactor on.
type Checkpoint struct{ Checkpointed }

// Decide never moves back.
func (c Checkpoint) Decide(s State) ([]domain.Event, error) {
	if c.Position <= s.Position {
		return nil, nil
	}
	return []domain.Event{c.Checkpointed}, nil
}
