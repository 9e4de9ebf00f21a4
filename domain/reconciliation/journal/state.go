package journal

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/reconciliation"
)

// Item is a difference as it stands now.
type Item struct {
	Difference
	Subject    string // whose key seals Words; empty where none are kept
	Words      string // the line as it stands in the file: JSON of a LineText; empty when it is erased
	Action     Action // empty until something was decided
	ResolvedTo string // whose the money is, by the action
	// Decisions counts what was decided about it, one after the other.
	Decisions int
	found     reconciliation.State // as the comparison left it
	before    Action               // what held before Action
}

// State is an import.
type State struct {
	Begun
	Refusal    *Refused
	Reconciled *Reconciled
	items      items
	counted    bool
	moved      time.Time // when it was compared, or something was last decided
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

// Len is how many differences there are; none before all of them stand.
func (s State) Len() int {
	if s.Reconciled == nil {
		return 0
	}
	return s.items.n
}

// Items are a copy of the differences, in order; none before all of them stand.
func (s State) Items() []Item {
	out := make([]Item, 0, s.Len())
	for n := 1; n <= s.Len(); n++ {
		i, _ := s.items.nth(n)
		out = append(out, i)
	}
	return out
}

// Item is the nth difference, from 1.
func (s State) Item(n int) (Item, bool) {
	if s.Reconciled == nil {
		return Item{}, false
	}
	return s.items.nth(n)
}

// Open is how many differences somebody has to act on.
func (s State) Open() int {
	if s.Reconciled == nil {
		return 0
	}
	return s.items.count(isOpen)
}

// HasCounted tells whether all that is certain of it has counted.
func (s State) HasCounted() bool { return s.Reconciled != nil && (s.counted || !s.Reconciled.Counting) }

// Moved is when it was compared, or something was last decided about it; zero before.
func (s State) Moved() time.Time { return s.moved }

// Unfinished tells whether the import is to be compared or counted yet, or has open differences about which nothing was decided, so
// that the statement may have to count for them yet.
func (s State) Unfinished() bool {
	if s.Reconciled == nil {
		return s.Exists() && s.Status() == Processing
	}
	return !s.HasCounted() || s.items.count(func(i *Item) bool { return isOpen(i) && i.Action == "" }) > 0
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
		if len(e.Differences) > 0 { // read again, after it was cut off
			s.items = s.items.first(e.Differences[0].N - 1)
		}
		for _, d := range e.Differences {
			i := Item{Difference: d, Words: string(e.Words), found: d.State}
			if len(e.Differences) == 1 && e.Subject != s.Subject {
				i.Subject = e.Subject
			}
			s.items = s.items.add(i)
		}
	case Reconciled:
		s.Reconciled, s.moved = &e, e.At
		s.items = s.items.first(e.Differences)
	case Resolved:
		s.items, s.moved = s.items.decided(e.Resolutions), e.At
	case Counted:
		s.counted = true
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

// Decide notes it once, of an import that was begun, unless the statement has been reconciled.
func (c Refuse) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() || s.Refusal != nil || s.Reconciled != nil {
		return nil, nil
	}
	return []domain.Event{c.Refused}, nil
}

// Find adds differences. They count when Conclude says how many there are.
type Find struct{ Found []DifferencesFound }

// Decide adds them while the import is open.
func (c Find) Decide(s State) ([]domain.Event, error) {
	if s.Reconciled != nil {
		return nil, nil
	}
	out := make([]domain.Event, len(c.Found))
	for i := range c.Found {
		out[i] = c.Found[i]
	}
	return out, nil
}

// Conclude says what the comparison came to.
type Conclude struct{ Reconciled }

// Decide says it once. Errors: Conflict when differences are missing, which is a fault of ours.
func (c Conclude) Decide(s State) ([]domain.Event, error) {
	if s.Reconciled != nil {
		return nil, nil
	}
	if s.items.n < c.Differences {
		return nil, domain.Conflictf("import %d has %d differences and %d of them stand", c.ID, c.Differences, s.items.n)
	}
	return []domain.Event{c.Reconciled}, nil
}

// Count says that what is certain has counted.
type Count struct{ Counted }

// Decide says it once.
func (c Count) Decide(s State) ([]domain.Event, error) {
	if s.Reconciled == nil || s.HasCounted() {
		return nil, nil
	}
	return []domain.Event{c.Counted}, nil
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
