package lease_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/lease"
)

// memory is as much of a store as leases use.
type memory struct {
	eventstore.Store
	mu      sync.Mutex
	records []eventstore.Record
	cut     map[string]bool // by node: nothing gets through
	mute    map[string]bool // by node: no answer to an append comes back
}

// view is the store as one node has it.
type view struct {
	*memory
	node string
}

func (v view) Append(ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent) (eventstore.Appended, error) {
	v.mu.Lock()
	cut, mute := v.cut[v.node], v.mute[v.node]
	var out eventstore.Appended
	var err error
	if !cut {
		out, err = v.write(stream, expected, events[0])
	}
	v.mu.Unlock()
	if cut || mute {
		<-ctx.Done()
		return eventstore.Appended{}, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, ctx.Err())
	}
	return out, err
}

func (m *memory) write(stream string, expected eventstore.Revision, e eventstore.NewEvent) (eventstore.Appended, error) {
	next := eventstore.Revision(len(m.records))
	if expected+1 < next && m.records[expected+1].ID == e.ID {
		return eventstore.Appended{Revision: expected + 1, Repeated: true}, nil
	}
	if expected != next-1 {
		return eventstore.Appended{}, &eventstore.WrongRevisionError{Stream: stream, Expected: expected, Actual: next - 1}
	}
	m.records = append(m.records, eventstore.Record{Stream: stream, Revision: next, ID: e.ID, Type: e.Type, Data: e.Data})
	return eventstore.Appended{Revision: next}, nil
}

func (v view) ReadStream(ctx context.Context, stream string, _ eventstore.Revision, _ eventstore.Direction, _ int) ([]eventstore.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cut[v.node] {
		return nil, eventstore.ErrUnavailable
	}
	if len(v.records) == 0 {
		return nil, eventstore.ErrStreamNotFound
	}
	return v.records[len(v.records)-1:], nil
}

func (m *memory) set(which map[string]bool, node string, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	which[node] = on
}

// office is who works, and when each began and ended.
type office struct {
	t    *testing.T
	mu   sync.Mutex
	busy string
	log  []string
	came time.Time // when the last one began
}

func (o *office) work(node string) func(context.Context) error {
	return func(ctx context.Context) error {
		o.mu.Lock()
		if o.busy != "" {
			o.t.Errorf("%s works while %s does", node, o.busy)
		}
		o.busy, o.came = node, time.Now()
		o.log = append(o.log, node)
		o.mu.Unlock()
		<-ctx.Done()
		o.mu.Lock()
		o.busy = ""
		o.mu.Unlock()
		return ctx.Err()
	}
}

func (o *office) who() (string, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.busy, o.came
}

type node struct {
	*lease.Lease
	stop func()
	done chan error
}

func start(t *testing.T, m *memory, name string, work func(context.Context) error) *node {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	n := &node{lease.New(lease.Options{Store: view{m, name}, Role: "reactor", Node: name}), cancel, make(chan error, 1)}
	go func() { n.done <- n.Run(ctx, work) }()
	return n
}

func newMemory() *memory { return &memory{cut: map[string]bool{}, mute: map[string]bool{}} }

func TestOneWorksAndAnotherTakesOver(t *testing.T) {
	for _, tc := range []struct {
		name  string
		end   func(m *memory, first *node)
		most  time.Duration
		again bool // the first one is still there, and works no more
	}{
		{name: "gives it back", end: func(_ *memory, first *node) { first.stop() }, most: 2 * time.Second},
		{name: "is cut off", end: func(m *memory, _ *node) { m.set(m.cut, "one", true) }, most: 10 * time.Second, again: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, o := newMemory(), &office{t: t}
				one := start(t, m, "one", o.work("one"))
				synctest.Wait()
				two := start(t, m, "two", o.work("two"))
				<-time.After(time.Minute) // the lease is renewed, again and again
				if who, _ := o.who(); who != "one" || !one.Held() || two.Held() {
					t.Fatalf("%q works", who)
				}
				gone := time.Now()
				tc.end(m, one)
				<-time.After(tc.most)
				if who, since := o.who(); who != "two" || !two.Held() {
					t.Fatalf("%q works %s after the other was gone", who, tc.most)
				} else if since.Sub(gone) > tc.most {
					t.Errorf("taken over after %s", since.Sub(gone))
				}
				if tc.again {
					m.set(m.cut, "one", false)
					<-time.After(time.Minute)
					if who, _ := o.who(); who != "two" || one.Held() {
						t.Errorf("%q works when the first one is back", who)
					}
				}
				one.stop()
				two.stop()
				if err := errors.Join(<-one.done, <-two.done); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestALostAnswerLosesNoLease: the renewal has happened, nobody knows; the same one is sent again.
func TestALostAnswerLosesNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := newMemory(), &office{t: t}
		one := start(t, m, "one", o.work("one"))
		synctest.Wait()
		two := start(t, m, "two", o.work("two"))
		for range 5 {
			m.set(m.mute, "one", true)
			<-time.After(2 * time.Second)
			m.set(m.mute, "one", false)
			<-time.After(20 * time.Second)
		}
		if who, since := o.who(); who != "one" || len(o.log) != 1 {
			t.Errorf("%q works since %s, of %q", who, since, o.log)
		}
		one.stop()
		two.stop()
		if err := errors.Join(<-one.done, <-two.done); err != nil {
			t.Error(err)
		}
	})
}

// TestARenewalCountsFromWhenItMayHaveBeenSeen: its first answer was lost, the second came; the one that stands by counts from
// the first.
func TestARenewalCountsFromWhenItMayHaveBeenSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := newMemory(), &office{t: t}
		one := start(t, m, "one", o.work("one"))
		synctest.Wait()
		two := start(t, m, "two", o.work("two"))
		m.set(m.mute, "one", true)
		<-time.After(5 * time.Second)
		m.set(m.mute, "one", false)
		<-time.After(500 * time.Millisecond)
		m.set(m.cut, "one", true)
		<-time.After(time.Minute) // office.work tells if both work
		if who, _ := o.who(); who != "two" {
			t.Errorf("%q works", who)
		}
		one.stop()
		two.stop()
		if err := errors.Join(<-one.done, <-two.done); err != nil {
			t.Error(err)
		}
	})
}

func TestWorkThatFailsEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		broken := errors.New("broken")
		one := start(t, m, "one", func(context.Context) error { return broken })
		if err := <-one.done; !errors.Is(err, broken) || one.Held() {
			t.Errorf("%v, held: %v", err, one.Held())
		}
		o := &office{t: t}
		two := start(t, m, "two", o.work("two")) // the lease was given back
		synctest.Wait()
		if who, _ := o.who(); who != "two" {
			t.Errorf("%q works", who)
		}
		two.stop()
		if err := <-two.done; err != nil {
			t.Error(err)
		}
	})
}

// TestNodesThatAllWantIt come and go; never do two work at once (office.work), and one always does soon.
func TestNodesThatAllWantIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := newMemory(), &office{t: t}
		var nodes []*node
		for i := range 5 {
			name := fmt.Sprint("node", i)
			nodes = append(nodes, start(t, m, name, o.work(name)))
		}
		for round := range 50 {
			<-time.After(10 * time.Second)
			who, _ := o.who()
			if who == "" {
				t.Fatalf("nobody works in round %d", round)
			}
			m.set(m.cut, who, true)
			m.set(m.cut, fmt.Sprint("node", (round*3)%5), round%2 == 0)
			<-time.After(10 * time.Second)
			for i := range nodes {
				m.set(m.cut, fmt.Sprint("node", i), false)
			}
		}
		for _, n := range nodes {
			n.stop()
		}
		for _, n := range nodes {
			if err := <-n.done; err != nil {
				t.Error(err)
			}
		}
	})
}
