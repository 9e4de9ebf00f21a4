package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
)

// model is what a store has to hold, in memory.
type model struct {
	// prefix keeps the streams of one run apart from those of the others, which share the store.
	prefix string
	start  eventstore.Position
	log    []fact
	// positions are those of log, as far as the store told them.
	positions []eventstore.Position
	streams   map[string][]fact
	// appends are those that were accepted, to be repeated.
	appends []modelAppend
}

type modelAppend struct {
	stream   string
	expected eventstore.Revision
	events   []eventstore.NewEvent
	answer   eventstore.Appended
}

func (m *model) head(stream string) eventstore.Revision {
	return eventstore.Revision(len(m.streams[stream])) - 1
}

// modelOperations compares the store, after each of many random operations, with the model.
func modelOperations(t *testing.T, h Harness) {
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &model{
			prefix: fmt.Sprintf("run%d", runs), start: head(t, h.Store), streams: make(map[string][]fact),
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append":      func(rt *rapid.T) { m.append(t, rt, h.Store) },
			"repeat":      func(rt *rapid.T) { m.repeat(t, rt, h.Store) },
			"read stream": func(rt *rapid.T) { m.readStream(t, rt, h.Store) },
			"read all":    func(rt *rapid.T) { m.readAll(t, rt, h.Store) },
			"subscribe":   func(rt *rapid.T) { m.subscribe(t, rt, h.Store) },
			"reopen": func(rt *rapid.T) {
				if rapid.IntRange(0, 7).Draw(rt, "dice") == 0 {
					h = h.Reopen(t)
				}
			},
			"": func(rt *rapid.T) { m.checkHead(t, rt, h.Store) },
		})
	})
}

func (m *model) drawStream(rt *rapid.T) string {
	return fmt.Sprintf("%s-%d", m.prefix, rapid.IntRange(0, 3).Draw(rt, "stream"))
}

func (m *model) append(t *testing.T, rt *rapid.T, s eventstore.Store) {
	stream := m.drawStream(rt)
	at := m.head(stream)
	expected := rapid.SampledFrom([]eventstore.Revision{at, at, at, eventstore.AnyRevision, eventstore.NoStream, at + 1, at - 1, 0}).
		Draw(rt, "expected")
	if expected < eventstore.AnyRevision {
		expected = eventstore.AnyRevision
	}
	some := events(rapid.IntRange(0, 3).Draw(rt, "events"), stream)
	got, err := s.Append(deadline(t), stream, expected, some...)
	if expected != at && expected != eventstore.AnyRevision {
		var told *eventstore.WrongRevisionError
		if !errors.As(err, &told) || told.Actual != at {
			rt.Fatalf("append to %s at %d of %d: %v", stream, expected, at, err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("append to %s at %d: %v", stream, expected, err)
	}
	if want := at + eventstore.Revision(len(some)); got.Revision != want || got.Repeated {
		rt.Fatalf("append of %d to %s at %d: %+v", len(some), stream, at, got)
	}
	if len(some) == 0 {
		return
	}
	facts := expect(stream, at+1, some...)
	m.streams[stream] = append(m.streams[stream], facts...)
	m.log = append(m.log, facts...)
	for range len(some) - 1 {
		m.positions = append(m.positions, 0)
	}
	m.positions = append(m.positions, got.Position)
	m.appends = append(m.appends, modelAppend{stream, at, some, got})
}

func (m *model) repeat(t *testing.T, rt *rapid.T, s eventstore.Store) {
	if len(m.appends) == 0 {
		return
	}
	a := rapid.SampledFrom(m.appends).Draw(rt, "append")
	got, err := s.Append(deadline(t), a.stream, a.expected, a.events...)
	want := a.answer
	want.Repeated = true
	if err != nil || got != want {
		rt.Fatalf("append to %s at %d again: %+v, %v, want %+v", a.stream, a.expected, got, err, want)
	}
}

func (m *model) readStream(t *testing.T, rt *rapid.T, s eventstore.Store) {
	stream := m.drawStream(rt)
	all := m.streams[stream]
	from := eventstore.Revision(rapid.IntRange(0, len(all)+2).Draw(rt, "from"))
	limit := rapid.IntRange(1, len(all)+2).Draw(rt, "limit")
	dir := rapid.SampledFrom([]eventstore.Direction{eventstore.Forward, eventstore.Backward}).Draw(rt, "direction")
	got, err := s.ReadStream(deadline(t), stream, from, dir, limit)
	if len(all) == 0 {
		if !errors.Is(err, eventstore.ErrStreamNotFound) {
			rt.Fatalf("read %s: %v, want not found", stream, err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("read %s: %v", stream, err)
	}
	var want []fact
	if dir == eventstore.Forward {
		want = all[min(int(from), len(all)):]
	} else {
		want = slices.Clone(all[:min(int(from)+1, len(all))])
		slices.Reverse(want)
	}
	compare(rt, "read "+stream, want[:min(limit, len(want))], got)
}

func (m *model) readAll(t *testing.T, rt *rapid.T, s eventstore.Store) {
	limit := rapid.IntRange(1, len(m.log)+2).Draw(rt, "limit")
	from, skip := m.start, 0
	if known := m.known(); len(known) > 0 && rapid.Bool().Draw(rt, "resume") {
		at := rapid.SampledFrom(known).Draw(rt, "at")
		from, skip = m.positions[at], at+1
	}
	got, err := s.ReadAll(deadline(t), from, eventstore.Forward, limit)
	if err != nil {
		rt.Fatalf("read all after %d: %v", from, err)
	}
	compare(rt, "read all", m.log[skip:min(skip+limit, len(m.log))], got)
	if skip == 0 {
		return
	}
	if got, err = s.ReadAll(deadline(t), from, eventstore.Backward, min(limit, skip)); err != nil {
		rt.Fatalf("read all back from %d: %v", from, err)
	}
	want := slices.Clone(m.log[max(0, skip-limit):skip])
	slices.Reverse(want)
	compare(rt, "read all backward", want, got)
}

// known are the places in the log whose positions the store has told.
func (m *model) known() []int {
	var at []int
	for i, pos := range m.positions {
		if pos > 0 {
			at = append(at, i)
		}
	}
	return at
}

func (m *model) subscribe(t *testing.T, rt *rapid.T, s eventstore.Store) {
	sub, err := s.Subscribe(deadline(t), m.start)
	if err != nil {
		rt.Fatalf("subscribe: %v", err)
	}
	defer func() { _ = sub.Close() }()
	compare(rt, "subscribe", m.log, catchUp(t, sub))
}

func (m *model) checkHead(t *testing.T, rt *rapid.T, s eventstore.Store) {
	want := m.start
	if n := len(m.positions); n > 0 {
		want = m.positions[n-1]
	}
	if got := head(t, s); got != want {
		rt.Fatalf("head is %d, want %d", got, want)
	}
}

func compare(rt *rapid.T, what string, want []fact, got []eventstore.Record) {
	if !slices.Equal(want, factsOf(got)) {
		rt.Fatalf("%s: want %v, got %v", what, want, factsOf(got))
	}
}
