package journal

import (
	"slices"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Item is a difference as it stands now.
type Item struct {
	Difference
	Lines      string // Lines of the event that found it; empty when they are erased
	Action     Action // empty until something was decided
	ResolvedTo string // whose the money is, by the action
}

// State is an import.
type State struct {
	Begun
	Refusal    *Refused
	Reconciled *Reconciled
	items      []Item
}

// Exists tells whether the import was begun.
func (s State) Exists() bool { return s.ID != 0 }

// Status is how far it is.
func (s State) Status() Status {
	switch {
	case s.Refusal != nil:
		return Failed
	case s.Reconciled != nil:
		return Done
	}
	return Processing
}

// Items are the differences, in order; none before all of them stand. They are not to be changed.
func (s State) Items() []Item {
	if s.Reconciled == nil {
		return nil
	}
	return s.items
}

// Item is the nth difference, from 1.
func (s State) Item(n int) (Item, bool) {
	if items := s.Items(); n >= 1 && n <= len(items) {
		return items[n-1], true
	}
	return Item{}, false
}

// Open is how many differences somebody has to act on.
func (s State) Open() int {
	open := 0
	for _, i := range s.Items() {
		if i.State == reconciliation.Open {
			open++
		}
	}
	return open
}

// Unfinished tells whether the import is to be compared yet, or has open differences about which nothing was decided, so that the
// statement may have to count for them yet.
func (s State) Unfinished() bool {
	for _, i := range s.Items() {
		if i.State == reconciliation.Open && i.Action == "" {
			return true
		}
	}
	return s.Status() == Processing
}

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Begun:
		s = State{Begun: e}
	case Refused:
		s.Refusal = &e
	case DifferencesFound:
		s.Refusal = nil
		if len(e.Differences) > 0 && e.Differences[0].N <= len(s.items) { // read again, after it was cut off
			s.items = slices.Clone(s.items[:e.Differences[0].N-1])
		}
		for _, d := range e.Differences {
			s.items = append(s.items, Item{Difference: d, Lines: string(e.Lines)})
		}
	case Reconciled:
		s.Reconciled = &e
		s.items = s.items[:min(len(s.items), e.Differences)]
	case Resolved:
		s.items = slices.Clone(s.items)
		for _, r := range e.Resolutions {
			if r.N < 1 || r.N > len(s.items) {
				continue
			}
			i := &s.items[r.N-1]
			i.State, i.Action, i.ResolvedTo = stateOf(i.State, r.Action), r.Action, r.Reference
		}
	}
	return s
}

// FileState is a file's import.
type FileState struct{ Import int64 }

// Evolve is the state after e.
func (s FileState) Evolve(e domain.Event) FileState {
	if e, ok := e.(FileClaimed); ok {
		s.Import = e.Import
	}
	return s
}

// ClaimFile gives a file to an import. Instead is the import whose place it takes: 0, or one that failed.
type ClaimFile struct {
	FileClaimed
	Instead int64
}

// Decide gives it once; who comes second finds the first one's import in the state.
func (c ClaimFile) Decide(s FileState) ([]domain.Event, error) {
	if s.Import != c.Instead {
		return nil, nil
	}
	return []domain.Event{c.FileClaimed}, nil
}

// Begin notes that a statement came.
type Begin struct{ Begun }

// Decide notes it once.
func (c Begin) Decide(s State) ([]domain.Event, error) {
	if s.Exists() {
		return nil, nil
	}
	return []domain.Event{c.Begun}, nil
}

// Refuse notes that nothing of a statement is taken.
type Refuse struct{ Refused }

// Decide notes it once, unless the statement has been reconciled.
func (c Refuse) Decide(s State) ([]domain.Event, error) {
	if s.Refusal != nil || s.Reconciled != nil {
		return nil, nil
	}
	return []domain.Event{c.Refused}, nil
}

// Find adds differences. They count when Conclude says how many there are.
type Find struct{ DifferencesFound }

// Decide adds them while the import is open.
func (c Find) Decide(s State) ([]domain.Event, error) {
	if s.Reconciled != nil {
		return nil, nil
	}
	return []domain.Event{c.DifferencesFound}, nil
}

// Conclude says what the comparison came to.
type Conclude struct{ Reconciled }

// Decide says it once. Errors: Conflict when differences are missing, which is a fault of ours.
func (c Conclude) Decide(s State) ([]domain.Event, error) {
	if s.Reconciled != nil {
		return nil, nil
	}
	if len(s.items) < c.Differences {
		return nil, domain.Conflictf("import %d has %d differences and %d of them stand", c.ID, c.Differences, len(s.items))
	}
	return []domain.Event{c.Reconciled}, nil
}

// Resolve decides about differences.
type Resolve struct {
	Resolved
	// Person says that a person decides, who may not decide about what is resolved.
	Person bool
}

// Decide keeps what is new. Errors: NotFound; Conflict when a person decides about what was resolved otherwise.
func (c Resolve) Decide(s State) ([]domain.Event, error) {
	var fresh []Resolution
	for _, r := range c.Resolutions {
		i, ok := s.Item(r.N)
		switch {
		case !ok:
			return nil, domain.NotFoundf("reconciliation item not found")
		case i.Action == r.Action && i.ResolvedTo == r.Reference:
			continue
		case i.State == reconciliation.Resolved && c.Person:
			return nil, domain.Conflictf("This difference is resolved already: %s", i.Action)
		case i.State == reconciliation.Resolved:
			continue
		}
		fresh = append(fresh, r)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	e := c.Resolved
	e.Resolutions = fresh
	return []domain.Event{e}, nil
}
