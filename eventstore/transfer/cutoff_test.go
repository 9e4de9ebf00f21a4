package transfer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/esdb"
)

// wire is a way to a server that is cut off each time that so many bytes went over it.
type wire struct {
	listener net.Listener
	to       string
	after    int64
	cuts     atomic.Int64
	running  sync.WaitGroup
}

func newWire(t testing.TB, to string, after int64) *wire {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, to: to, after: after}
	w.running.Go(w.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		w.running.Wait()
	})
	return w
}

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := new(net.Dialer).DialContext(context.Background(), "tcp", w.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		end := func() { _, _ = near.Close(), far.Close() }
		w.running.Go(func() {
			defer end()
			if n, _ := io.CopyN(far, near, w.after); n == w.after {
				w.cuts.Add(1)
			}
		})
		w.running.Go(func() {
			defer end()
			_, _ = io.Copy(near, far)
		})
	}
}

func TestAConnectionThatIsLostNeitherChangesTheOrderNorLosesAnything(t *testing.T) {
	laptop := populate(t, 1500)
	out, exported := laptop.export(t, nil)
	behind := local(t)
	way := newWire(t, serve(t, behind), 1_300_000)
	store, err := esdb.Open("esdb://"+way.listener.Addr().String()+"?tls=false", esdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	done, err := move(t.Context(), store, out.options(laptop.master))
	if err != nil || done.New != exported.Events {
		t.Fatalf("imported %+v of %+v: %v", done, exported, err)
	}
	if n := way.cuts.Load(); n < 1 {
		t.Errorf("the connection was cut %d times", n)
	}
	direct, err := esdb.Open("esdb://"+way.to+"?tls=false", esdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close() })
	wantSame(t, laptop, direct)
}

// unanswered is an embedded store that loses the answers to some appends, whether it carries them out or not.
type unanswered struct {
	*embedded.Store
	begun int
	skip  bool
}

func (u *unanswered) InOrder(context.Context) (eventstore.OrderedAppends, error) { return u, nil }

func (u *unanswered) BeginAppend(
	ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent,
) (func(context.Context) (eventstore.Appended, error), error) {
	lost := func(context.Context) (eventstore.Appended, error) {
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	u.begun++
	if u.skip && u.begun == 20 { // one is lost, and those after it are carried out
		return lost, nil
	}
	wait, err := u.Store.BeginAppend(ctx, stream, expected, events...)
	if !u.skip && u.begun > 10 && u.begun < 30 { // all are carried out, and nobody hears of it
		return lost, errors.Join(err)
	}
	return wait, err
}

func TestAppendsWithoutAnAnswerHappenOnceOrTheOrderIsSeenToBeBroken(t *testing.T) {
	laptop := populate(t, 50)
	out, exported := laptop.export(t, nil)
	heard := &unanswered{Store: local(t)}
	if done, err := move(t.Context(), heard, out.options(laptop.master)); err != nil || done.New != exported.Events {
		t.Errorf("imported %+v of %+v: %v", done, exported, err)
	}
	wantSame(t, laptop, heard)
	if _, err := move(t.Context(), &unanswered{Store: local(t), skip: true}, out.options(laptop.master)); !errors.Is(err, ErrOrder) {
		t.Errorf("a store that carried out what came after a lost append: %v", err)
	}
	patient := out.options(laptop.master)
	patient.OneByOne = true
	if done, err := move(t.Context(), &unanswered{Store: local(t), skip: true}, patient); err != nil || done.New != exported.Events {
		t.Errorf("the same store, one by one: %+v: %v", done, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	gone := &unanswered{Store: local(t)}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := move(ctx, gone, out.options(laptop.master)); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("a store that is closed: %v", err)
	}
}
