package esdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/esdbserver"
)

// hasty are options under which the faults of a test are over soon.
func hasty(t testing.TB) Options {
	return Options{Deadline: 900 * time.Millisecond, Attempt: 250 * time.Millisecond, FirstPause: 2 * time.Millisecond, LongestPause: 40 * time.Millisecond, Logf: t.Logf}
}

// patience is how long a test waits for what has to happen.
const patience = 60 * time.Second

func waiting(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func happened(text string) eventstore.NewEvent {
	return eventstore.NewEvent{ID: uuid.New(), Type: "SomethingHappened", Data: fmt.Appendf(nil, `{"text":%q}`, text), Metadata: []byte(`{}`)}
}

// behindProxy is a server, a proxy before it, and a store that knows only the proxy.
func behindProxy(t *testing.T) (*node, *proxy, *Store) {
	t.Helper()
	n := startNode(t, t.TempDir(), "", esdbserver.Options{})
	p := startProxy(t, n.address)
	return n, p, open(t, "esdb://"+p.address()+"?tls=false&gossipTimeout=1", hasty(t))
}

// awaitHead waits until the server itself holds so many events.
func awaitHead(t *testing.T, n *node, head eventstore.Position) {
	t.Helper()
	if err := reach(waiting(t), n, head); err != nil {
		t.Fatal(err)
	}
}

// reach is awaitHead until ctx ends.
func reach(ctx context.Context, n *node, head eventstore.Position) error {
	sub, err := n.store.Subscribe(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }()
	for at := eventstore.Position(0); at < head; {
		batch, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		at = batch.Checkpoint
	}
	return nil
}

func TestAnAppendWhoseAnswerIsLostHappensOnce(t *testing.T) {
	n, p, s := behindProxy(t)
	first, err := s.Append(waiting(t), "order-1", eventstore.NoStream, happened("before"))
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		got eventstore.Appended
		err error
	}
	at, head := first.Revision, first.Position
	for i := 0; i < 5; {
		p.set(func(p *proxy) { p.mute = true })
		all := []eventstore.NewEvent{happened(fmt.Sprint(i)), happened("beside it")}
		answered := make(chan answer, 1)
		go func() {
			got, err := s.Append(waiting(t), "order-1", at, all...)
			answered <- answer{got, err}
		}()
		head += 2
		soon, cancel := context.WithTimeout(t.Context(), patience/4)
		err := reach(soon, n, head)
		cancel()
		if err != nil { // on a busy machine the client gives a muted connection up before it has sent anything: then no answer is lost
			p.mend()
			if a := <-answered; a.err != nil {
				t.Fatalf("append %d, on another connection: %v", i, a.err)
			}
			at += 2
			continue
		}
		want := eventstore.Appended{Revision: at + 2, Position: head}
		at += 2
		if i%2 == 1 { // somebody else writes after it, so that the repeat no longer stands at the stream's end
			if _, err := n.store.Append(t.Context(), "order-1", at, happened("another's")); err != nil {
				t.Fatal(err)
			}
			at, head = at+1, head+1
		}
		p.mend()
		a := <-answered
		a.got.Repeated = false
		if a.err != nil || a.got != want {
			t.Fatalf("append %d: %+v, %v; want %+v", i, a.got, a.err, want)
		}
		records, err := n.store.ReadStream(waiting(t), "order-1", want.Revision-1, eventstore.Forward, 2)
		if err != nil || records[0].ID != all[0].ID || records[1].ID != all[1].ID {
			t.Fatalf("append %d: %+v, %v", i, records, err)
		}
		i++
	}
	if got, err := s.Head(waiting(t)); err != nil || got != head {
		t.Fatalf("head %d, %v, want %d", got, err, head)
	}
}

func TestAnAppendAtAnyRevisionWhoseAnswerIsLostIsNotMadeAgain(t *testing.T) {
	n, p, s := behindProxy(t)
	if _, err := s.Append(waiting(t), "order-1", eventstore.NoStream, happened("before")); err != nil {
		t.Fatal(err)
	}
	p.set(func(p *proxy) { p.mute = true })
	answered := make(chan error, 1)
	go func() {
		_, err := s.Append(waiting(t), "order-1", eventstore.AnyRevision, happened("once at most"))
		answered <- err
	}()
	awaitHead(t, n, 2)
	p.mend()
	if err := <-answered; !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("answered %v", err)
	}
	if head, err := s.Head(waiting(t)); err != nil || head != 2 {
		t.Fatalf("head %d, %v", head, err)
	}
}

// TestARetryThatMeetsItsOwnSuccessIsNoConflict has the server refuse the retry, as EventStoreDB may, though the events
// are there from the first attempt.
func TestARetryThatMeetsItsOwnSuccessIsNoConflict(t *testing.T) {
	n, _, s := behindProxy(t)
	all := []eventstore.NewEvent{happened("a"), happened("b")}
	if _, err := n.store.Append(t.Context(), "order-1", eventstore.NoStream, append(all, happened("another's"))...); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	got, err := s.refusal(waiting(t), "order-1", eventstore.NoStream, proposals(all), true, refused)
	if want := (eventstore.Appended{Revision: 1, Position: 2, Repeated: true}); err != nil || got != want {
		t.Fatalf("%+v, %v, want %+v", got, err, want)
	}
	var wrong *eventstore.WrongRevisionError
	if _, err := s.refusal(waiting(t), "order-1", eventstore.NoStream, proposals(all), false, refused); !errors.As(err, &wrong) || wrong.Actual != 2 {
		t.Fatalf("never sent before: %v", err)
	}
	if _, err := s.refusal(waiting(t), "order-1", 0, proposals(all), true, refused); !errors.As(err, &wrong) || wrong.Actual != 2 {
		t.Fatalf("at another place: %v", err)
	}
}

func TestErrorsComeWithinTheDeadline(t *testing.T) {
	for name, breaks := range map[string]func(*proxy){
		"half-open": func(p *proxy) { p.deaf = true },
		"mute":      func(p *proxy) { p.mute = true },
		"gone":      func(p *proxy) { p.gone = true },
	} {
		t.Run(name, func(t *testing.T) {
			_, p, s := behindProxy(t)
			e := happened("e")
			if _, err := s.Append(waiting(t), "order-1", eventstore.NoStream, e); err != nil {
				t.Fatal(err)
			}
			p.set(breaks)
			if name == "gone" {
				p.cut()
			}
			const slack = 5 * time.Second // the machine may be busy; without the deadline it would be for ever
			calls := map[string]func(context.Context) error{
				"append": func(ctx context.Context) error {
					_, err := s.Append(ctx, "order-1", 0, happened("late"))
					return err
				},
				"read": func(ctx context.Context) error {
					_, err := s.ReadStream(ctx, "order-1", 0, eventstore.Forward, 1)
					return err
				},
				"read all":  func(ctx context.Context) error { _, err := s.ReadAll(ctx, 0, eventstore.Forward, 1); return err },
				"head":      func(ctx context.Context) error { _, err := s.Head(ctx); return err },
				"subscribe": func(ctx context.Context) error { _, err := s.Subscribe(ctx, 0); return err },
				"get key":   func(ctx context.Context) error { _, err := s.GetKey(ctx, "customer-1"); return err },
				"put key": func(ctx context.Context) error {
					_, err := s.PutKeyIfAbsent(ctx, "customer-1", []byte("k"))
					return err
				},
			}
			var calling sync.WaitGroup
			for what, call := range calls {
				calling.Go(func() {
					began := time.Now()
					if err := call(context.Background()); !errors.Is(err, eventstore.ErrUnavailable) {
						t.Errorf("%s: %v, want unavailable", what, err)
					}
					if took := time.Since(began); took > s.options.Deadline+slack {
						t.Errorf("%s took %s", what, took)
					}
					ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
					began = time.Now()
					if err := call(ctx); !errors.Is(err, eventstore.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%s: %v, want unavailable within the caller's deadline", what, err)
					}
					if took := time.Since(began); took > slack {
						t.Errorf("%s took %s", what, took)
					}
					cancel()
				})
			}
			calling.Wait()
			p.mend()
			if got, err := s.Append(waiting(t), "order-1", eventstore.NoStream, e); err != nil || !got.Repeated {
				t.Fatalf("after it: %+v, %v", got, err)
			}
		})
	}
}

func TestAStoreThatIsOpenedBeforeItsServerWaitsForIt(t *testing.T) {
	n := startNode(t, t.TempDir(), "", esdbserver.Options{})
	address := n.address
	n.stop(t)
	s := open(t, "esdb://"+address+"?tls=false", hasty(t))
	if _, err := s.Append(t.Context(), "order-1", eventstore.NoStream, happened("e")); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("nobody is there: %v", err)
	}
	startNode(t, t.TempDir(), address, esdbserver.Options{})
	ctx := waiting(t)
	for {
		if _, err := s.Append(ctx, "order-1", eventstore.NoStream, happened("e")); err == nil {
			return
		} else if !errors.Is(err, eventstore.ErrUnavailable) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestCloseEndsCallsThatWaitForAServerThatIsAway(t *testing.T) {
	_, p, s := behindProxy(t)
	s.options.Deadline = patience
	sub, err := s.Subscribe(waiting(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	p.set(func(p *proxy) { p.deaf = true })
	var group errgroup.Group
	for i := range 8 {
		group.Go(func() error {
			_, err := s.Append(context.Background(), fmt.Sprint("order-", i), eventstore.NoStream, happened("e"))
			return err
		})
	}
	group.Go(func() error {
		for {
			if _, err := sub.Next(context.Background()); err != nil {
				return err
			}
		}
	})
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := group.Wait(); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("answered %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Fatalf("it took %s", took)
	}
}

// writer appends to a stream of its own and, whatever happens to the network, repeats each append until it is answered.
type writer struct {
	stream string
	events []eventstore.NewEvent
	// acked and failed are everybody's.
	acked, failed *tally
}

// tally counts, and can be waited for.
type tally struct {
	mu      sync.Mutex
	count   int
	changed chan struct{}
}

func newTally() *tally { return &tally{changed: make(chan struct{})} }

func (c *tally) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *tally) get() (int, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.changed
}

// await waits until so many more were counted.
func (c *tally) await(ctx context.Context, t *testing.T, what string, more int) {
	t.Helper()
	count, changed := c.get()
	for want := count + more; count < want; count, changed = c.get() {
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%s: %d of %d, and no more", what, count, want)
		}
	}
}

func (w *writer) run(ctx context.Context, s *Store, stop <-chan struct{}) error {
	for at := eventstore.NoStream; ; at++ {
		select {
		case <-stop:
			return nil
		default:
		}
		e := happened(fmt.Sprint(w.stream, "/", at+1))
		w.events = append(w.events, e)
		for {
			got, err := s.Append(ctx, w.stream, at, e)
			if err == nil {
				if got.Revision != at+1 {
					return fmt.Errorf("%s: answered %+v to an append at %d", w.stream, got, at)
				}
				break
			}
			if !errors.Is(err, eventstore.ErrUnavailable) || ctx.Err() != nil {
				return fmt.Errorf("%s at %d: %w", w.stream, at, err)
			}
			w.failed.add()
		}
		w.acked.add()
	}
}

// TestFaults breaks the network, and the server, over and over under writers and a subscriber. Nothing acknowledged may
// be lost, nothing doubled, and everything has to go on by itself. KIPAY_FAULT_SEED repeats a run, KIPAY_FAULT_ROUNDS
// makes it longer.
func TestFaults(t *testing.T) {
	t.Run("over one call", func(t *testing.T) { breakEverything(t, esdbserver.Options{}) })
	t.Run("one by one", func(t *testing.T) { breakEverything(t, esdbserver.Options{WithoutBatchAppend: true}) })
}

func breakEverything(t *testing.T, options esdbserver.Options) {
	seed, rounds := uint64(time.Now().UnixNano()), 8
	if text := os.Getenv("KIPAY_FAULT_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	if n, err := strconv.Atoi(os.Getenv("KIPAY_FAULT_ROUNDS")); err == nil {
		rounds = n
	}
	t.Logf("KIPAY_FAULT_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	dir := t.TempDir()
	n := startNode(t, dir, "", options)
	p := startProxy(t, n.address)
	s := open(t, "esdb://"+p.address()+"?tls=false&gossipTimeout=1", hasty(t))
	// Without a deadline of its own, so that the store's applies to each call.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer time.AfterFunc(4*patience, cancel).Stop()
	sub, err := s.Subscribe(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()

	const writers = 6
	acked, failed := newTally(), newTally()
	stop := make(chan struct{})
	var writing errgroup.Group
	all := make([]*writer, writers)
	for i := range all {
		all[i] = &writer{stream: fmt.Sprint("order-", i), acked: acked, failed: failed}
		writing.Go(func() error { return all[i].run(ctx, s, stop) })
	}
	delivered := make(chan eventstore.Record, 1<<16)
	go func() {
		defer close(delivered)
		for {
			batch, err := sub.Next(ctx)
			if err != nil {
				return
			}
			for _, rec := range batch.Records {
				delivered <- rec
			}
		}
	}()
	faults := []struct {
		name string
		do   func()
	}{
		{"cut", p.cut},
		{"half-open", func() {
			p.set(func(p *proxy) { p.deaf = true })
			failed.await(ctx, t, "half-open", writers)
		}},
		{"mute", func() {
			p.set(func(p *proxy) { p.mute = true })
			failed.await(ctx, t, "mute", 1+random.IntN(writers))
		}},
		{"gone", func() {
			p.set(func(p *proxy) { p.gone = true })
			p.cut()
			failed.await(ctx, t, "gone", writers)
		}},
		{"delayed", func() {
			p.set(func(p *proxy) { p.delay = time.Duration(1+random.IntN(30)) * time.Millisecond })
			acked.await(ctx, t, "delayed", writers)
		}},
		{"restarted", func() {
			n.stop(t)
			failed.await(ctx, t, "server away", 1)
			n = startNode(t, dir, n.address, options)
		}},
	}
	for round := range rounds {
		fault := faults[(round+random.IntN(2)*random.IntN(len(faults)))%len(faults)]
		t.Logf("round %d: %s", round, fault.name)
		fault.do()
		if fault.name != "cut" {
			p.mend()
		}
		acked.await(ctx, t, "after "+fault.name, 3*writers)
	}
	close(stop)
	if err := writing.Wait(); err != nil {
		t.Fatal(err)
	}
	checkNothingLostOrDoubled(t, n, all, delivered)
	drained(t, s)
}

// checkNothingLostOrDoubled compares what the writers wrote with what the server holds and what was delivered.
func checkNothingLostOrDoubled(t *testing.T, n *node, all []*writer, delivered <-chan eventstore.Record) {
	t.Helper()
	log, err := n.store.ReadAll(t.Context(), 0, eventstore.Forward, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, w := range all {
		written += len(w.events)
	}
	if len(log) != written {
		t.Fatalf("%d events in the log, %d acknowledged", len(log), written)
	}
	for _, w := range all {
		records, err := n.store.ReadStream(t.Context(), w.stream, 0, eventstore.Forward, 1<<20)
		if err != nil || len(records) != len(w.events) {
			t.Fatalf("%s: %d events, %v, want %d", w.stream, len(records), err, len(w.events))
		}
		for i := range records {
			if records[i].ID != w.events[i].ID {
				t.Fatalf("%s: event %d is another one", w.stream, i)
			}
		}
	}
	for i := range log {
		rec, ok := <-delivered
		if !ok || rec.Position != log[i].Position || rec.ID != log[i].ID {
			t.Fatalf("delivery %d: position %d, want %d", i, rec.Position, log[i].Position)
		}
	}
}

// drained waits until no retired connection is left behind.
func drained(t *testing.T, s *Store) {
	t.Helper()
	s.links.mu.Lock()
	old := s.links.old
	s.links.mu.Unlock()
	for _, l := range old {
		select {
		case <-l.closed:
		case <-waiting(t).Done():
			t.Fatalf("a retired connection is still in use by %d calls", l.inside)
		}
	}
}
