package projections

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestMain(m *testing.M) { projectionstest.Main(m) }

// bench is an install, an engine and a projector over both.
type bench struct {
	*projectionstest.Install
	engine    *projectionstest.Engine
	projector *Projector
	reader    *Reader
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{Install: projectionstest.NewInstall(t), engine: projectionstest.NewEngine(t)}
	b.projector = b.newProjector(t)
	b.reader = NewReader(b.engine.Conn, b.projector)
	return b
}

// db is the engine as one server.
func (b *bench) db() database { return database{Conn: b.engine.Conn} }

// newProjector is a projector as kipay serve runs it on the embedded engine.
func (b *bench) newProjector(t testing.TB) *Projector {
	t.Helper()
	return b.projectorOf(t, Options{Sync: func(context.Context) error { return nil }, Incarnation: b.engine.Supervisor.Restarts})
}

// serverProjector is a projector as it runs on a ClickHouse server, where there may be several.
func (b *bench) serverProjector(t testing.TB) *Projector {
	t.Helper()
	return b.projectorOf(t, Options{})
}

func (b *bench) projectorOf(t testing.TB, o Options) *Projector {
	t.Helper()
	o.Conn, o.Log, o.Logger = b.engine.Conn, b.Log, zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.InfoLevel)
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the projector until the test ends, or until stop.
func run(t testing.TB, p *Projector) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(ctx)
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			<-ended
		})
	}
	t.Cleanup(stop)
	return stop
}

// caughtUp waits until all tables have come to the position.
func caughtUp(t testing.TB, p *Projector, at eventstore.Position) {
	t.Helper()
	if err := errors.Join(p.WaitFor(projectionstest.Within(t), at), p.WaitForArchive(projectionstest.Within(t), at)); err != nil {
		t.Fatalf("position %d was not reached: at %d, ready: %v", at, p.Position(), p.Ready())
	}
}
