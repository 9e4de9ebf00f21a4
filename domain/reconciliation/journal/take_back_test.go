package journal

import (
	"testing"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
)

func TestOnlyTheDecisionThatCouldNotBeBookedIsTakenBack(t *testing.T) {
	s := State{}.Evolve(begun()).Evolve(found(1, 2)).Evolve(Reconciled{ID: 3, Differences: 2, At: t0})
	do := func(c domain.Command[State]) []domain.Event {
		t.Helper()
		events, err := c.Decide(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s = s.Evolve(e)
		}
		return events
	}
	decide := func(a Action, reference string) Item {
		t.Helper()
		do(Resolve{Person: a.ByPerson(), Resolved: Resolved{ID: 3, Resolutions: []Resolution{{N: 1, Action: a, Reference: reference}}, At: t0}})
		i, _ := s.Item(1)
		return i
	}
	back := func(i Item) TakeBack {
		return TakeBack{N: 1, Decisions: i.Decisions, Why: "the receipt pays another", At: t0}
	}
	for _, before := range []Action{"", Suspended} {
		if before != "" {
			decide(before, "")
		}
		credited := decide(Credit, "KIPAY1")
		do(back(credited))
		if i, _ := s.Item(1); i.State != reconciliation.Open || i.Action != before || i.ResolvedTo != "" || s.Open() != 2 {
			t.Errorf("after it was taken back it is %s (%s), was %q", i.State, i.Action, before)
		}
		// The same is decided again, and whoever failed with the first comes late.
		again := decide(Credit, "KIPAY1")
		if events := do(back(credited)); len(events) != 0 {
			t.Errorf("a later decision is taken back: %+v", events)
		}
		do(back(again))
	}
	recorded := decide(Recorded, "KIPAY2")
	if events := do(back(recorded)); len(events) != 0 {
		t.Errorf("what the books have is taken back: %+v", events)
	}
}
