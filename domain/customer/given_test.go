package customer

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/benfex/kipay/domain"
)

// spec is one given/when/then over the events of a stream.
type spec[S domain.State[S]] struct {
	t      *testing.T
	state  S
	events []domain.Event
	err    error
}

func given[S domain.State[S]](t *testing.T, events ...domain.Event) spec[S] {
	t.Helper()
	s := spec[S]{t: t}
	for _, e := range events {
		s.state = s.state.Evolve(e)
	}
	return s
}

// when carries out a command after those before it.
func (s spec[S]) when(c domain.Command[S]) spec[S] {
	s.t.Helper()
	s.events, s.err = c.Decide(s.state)
	for _, e := range s.events {
		s.state = s.state.Evolve(e)
	}
	return s
}

func (s spec[S]) then(want ...domain.Event) spec[S] {
	s.t.Helper()
	if s.err != nil {
		s.t.Errorf("failed with %v", s.err)
	}
	if diff := cmp.Diff(want, s.events, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("events (-want +got):\n%s", diff)
	}
	return s
}

func (s spec[S]) thenNothing() spec[S] { s.t.Helper(); return s.then() }
