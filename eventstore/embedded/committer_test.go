package embedded

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// together has the committer find the requests at once, so that they make one group.
func together(t *testing.T, s *Store, requests ...*request) {
	t.Helper()
	s.queue.mu.Lock()
	s.queue.waiting = append(s.queue.waiting, requests...)
	s.queue.mu.Unlock()
	s.queue.poke()
	for _, req := range requests {
		select {
		case <-req.done:
		case <-time.After(time.Minute):
			t.Fatal("a request was not answered")
		}
	}
}

func appendRequest(stream string, expected eventstore.Revision, events ...eventstore.NewEvent) *request {
	req := newRequest(appendEvents)
	req.stream, req.expected = stream, expected
	req.encode(events)
	return req
}

func TestExpectationsAreCheckedAgainstTheGroupThatIsBeingBuilt(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	a, b, c := benchEvent(uuid.New()), benchEvent(uuid.New()), benchEvent(uuid.New())
	written := appendRequest("order-1", eventstore.NoStream, a, b)
	repeated := appendRequest("order-1", eventstore.NoStream, a, b)
	beginning := appendRequest("order-1", eventstore.NoStream, a)
	other := appendRequest("order-1", eventstore.NoStream, c)
	next := appendRequest("order-1", 1, c)
	swapped := appendRequest("order-1", eventstore.NoStream, b, a)
	wholly := appendRequest("order-1", eventstore.NoStream, a, b, c)
	elsewhere := appendRequest("order-2", eventstore.NoStream, a)
	together(t, s, written, repeated, beginning, other, next, swapped, wholly, elsewhere)

	want := []struct {
		req      *request
		appended eventstore.Appended
		wrong    bool
	}{
		{written, eventstore.Appended{Revision: 1, Position: 2}, false},
		{repeated, eventstore.Appended{Revision: 1, Position: 2, Repeated: true}, false},
		{beginning, eventstore.Appended{Revision: 0, Position: 1, Repeated: true}, false},
		{other, eventstore.Appended{}, true},
		{next, eventstore.Appended{Revision: 2, Position: 3}, false},
		{swapped, eventstore.Appended{}, true},
		{wholly, eventstore.Appended{Revision: 2, Position: 3, Repeated: true}, false},
		{elsewhere, eventstore.Appended{Revision: 0, Position: 4}, false},
	}
	for i, w := range want {
		if w.wrong {
			if !errors.Is(w.req.err, eventstore.ErrWrongRevision) {
				t.Errorf("request %d: %v, want a wrong revision", i, w.req.err)
			}
			continue
		}
		if diff := cmp.Diff(w.appended, w.req.appended); diff != "" || w.req.err != nil {
			t.Errorf("request %d: %v\n%s", i, w.req.err, diff)
		}
	}
	if _, err := s.Check(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
}

// gateFS holds syncs of the log back until it is opened.
type gateFS struct {
	*faultFS
	shut chan struct{}
}

func newGateFS() gateFS {
	g := gateFS{shut: make(chan struct{})}
	g.faultFS = newFaultFS(vfs.NewMem(), func(op, name string) error {
		if op == "sync" && isLogFile(name) {
			<-g.shut
		}
		return nil
	})
	return g
}

// TestNothingIsSeenBeforeItIsDurable looks, in every way there is, for an event whose sync is under way.
func TestNothingIsSeenBeforeItIsDurable(t *testing.T) {
	gate := newGateFS()
	s := open(t, "/db", Options{FS: gate})
	openGate := sync.OnceFunc(func() { close(gate.shut) })
	t.Cleanup(openGate)
	durable := benchEvent(uuid.New())
	if _, err := s.Append(t.Context(), "order-1", eventstore.NoStream, durable); err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscribe(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if batch, err := sub.Next(t.Context()); err != nil || !batch.CaughtUp || len(batch.Records) != 0 {
		t.Fatalf("%+v, %v", batch, err)
	}
	gate.armed.Store(true)
	commits := s.stats.commits.Load()
	e, first := benchEvent(uuid.New()), benchEvent(uuid.New())
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() {
		_, err := s.Append(impatient, "order-1", 0, e)
		gaveUp <- err
	}()
	until(t, func() bool { return s.stats.commits.Load() == commits+1 }) // it is in Pebble, and not synced
	answered := make(chan eventstore.Appended, 3)
	for _, call := range []func() (eventstore.Appended, error){
		func() (eventstore.Appended, error) { return s.Append(t.Context(), "order-1", 0, e) },
		func() (eventstore.Appended, error) { return s.Append(t.Context(), "order-1", 1) },
		func() (eventstore.Appended, error) {
			return s.Append(t.Context(), "order-2", eventstore.NoStream, first)
		},
	} {
		go func() {
			got, err := call()
			if err != nil {
				t.Error(err)
			}
			answered <- got
		}()
	}
	until(t, func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.callers == 1+cap(answered)
	})

	if head, err := s.Head(t.Context()); err != nil || head != 1 {
		t.Errorf("head %d, %v", head, err)
	}
	for _, dir := range []eventstore.Direction{eventstore.Forward, eventstore.Backward} {
		from, pos := eventstore.Revision(0), eventstore.Position(0)
		if dir == eventstore.Backward {
			from, pos = eventstore.EndRevision, eventstore.EndPosition
		}
		if got, err := s.ReadStream(t.Context(), "order-1", from, dir, 10); err != nil || len(got) != 1 || got[0].ID != durable.ID {
			t.Errorf("the stream in direction %d: %v, %v", dir, got, err)
		}
		if got, err := s.ReadAll(t.Context(), pos, dir, 10); err != nil || len(got) != 1 || got[0].ID != durable.ID {
			t.Errorf("the log in direction %d: %v, %v", dir, got, err)
		}
		if _, err := s.ReadStream(t.Context(), "order-2", from, dir, 10); !errors.Is(err, eventstore.ErrStreamNotFound) {
			t.Errorf("a stream that is not durable: %v", err)
		}
	}
	if report, err := s.Check(t.Context(), nil, nil); err != nil || report.Events != 1 {
		t.Errorf("check: %+v, %v", report, err)
	}
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
	if _, err := sub.Next(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("the subscriber: %v", err)
	}
	if len(answered) != 0 {
		t.Error("somebody was answered before the sync")
	}
	openGate()
	repeats := 0
	for range cap(answered) {
		if got := <-answered; got.Repeated {
			repeats++
		}
	}
	if repeats != 1 {
		t.Errorf("%d were told that their event was there already", repeats)
	}
	if got, err := s.ReadStream(t.Context(), "order-1", 0, eventstore.Forward, 10); err != nil || len(got) != 2 || got[1].ID != e.ID {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}

// until waits for what other goroutines are about to bring about.
func until(t *testing.T, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !reached(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it didn't happen")
		}
	}
}

// TestKeysAreDurableWithTheNextAppend cuts the power after an append that follows a put, whatever that append wrote.
func TestKeysAreDurableWithTheNextAppend(t *testing.T) {
	e := benchEvent(uuid.New())
	for name, next := range map[string]func(s *Store) error{
		"events": func(s *Store) error {
			_, err := s.Append(t.Context(), "order-1", 0, benchEvent(uuid.New()))
			return err
		},
		"no events": func(s *Store) error {
			_, err := s.Append(t.Context(), "order-1", 0)
			return err
		},
		"a repeat": func(s *Store) error {
			_, err := s.Append(t.Context(), "order-1", eventstore.NoStream, e)
			return err
		},
		"a wrong revision": func(s *Store) error {
			if _, err := s.Append(t.Context(), "order-1", 7, benchEvent(uuid.New())); !errors.Is(err, eventstore.ErrWrongRevision) {
				return errors.New("it was accepted")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			s := open(t, "/db", Options{FS: disk})
			if _, err := s.Append(t.Context(), "order-1", eventstore.NoStream, e); err != nil {
				t.Fatal(err)
			}
			for range 2 { // once that the committer writes them first, once with the append
				if _, err := s.PutKeyIfAbsent(t.Context(), "customer-"+uuid.NewString(), []byte("key")); err != nil {
					t.Fatal(err)
				}
				s.queue.poke()
				until(t, func() bool { _, generation := s.keys.find(""); return generation > 0 })
			}
			if _, err := s.PutKeyIfAbsent(t.Context(), "customer-last", []byte("key")); err != nil {
				t.Fatal(err)
			}
			if err := next(s); err != nil {
				t.Fatal(err)
			}
			left := open(t, "/db", Options{FS: disk.CrashClone(vfs.CrashCloneCfg{})})
			keys := 0
			if err := left.EachKey(t.Context(), "", func(string, []byte) error { keys++; return nil }); err != nil {
				t.Fatal(err)
			}
			if keys != 3 {
				t.Fatalf("%d keys are there, want 3", keys)
			}
		})
	}
}
