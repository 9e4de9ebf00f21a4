package projections

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/projections/projectionstest"
)

// connect is another connection to the engine, as another node has.
func connect(t testing.TB, b *bench) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(b.engine.Supervisor.Options(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// followed is a follower on a connection of its own, which runs until the test ends.
func followed(t testing.TB, b *bench) *Follower {
	t.Helper()
	f := NewFollower(connect(t, b), zerolog.New(zerolog.NewTestWriter(t)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return f
}

func TestAFollowerOnAnotherNodeSoonSeesWhatAProjectorWrote(t *testing.T) {
	b := newBench(t)
	p := b.serverProjector(t)
	f := followed(t, b)
	reader := NewReader(f.conn, f)
	run(t, p)
	took := make([]time.Duration, 10)
	for n := range took {
		_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
		began := time.Now()
		if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
			t.Fatal(err)
		}
		took[n] = time.Since(began)
		page, err := reader.Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 20})
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != uint64(n+1) || len(page.Rows) != n+1 {
			t.Errorf("after %d payments it lists %d of %d", n+1, len(page.Rows), page.Total)
		}
	}
	// A list waits a second for what its caller has written. Checkpoints come every three.
	slices.Sort(took)
	t.Logf("seen after %v (median), %v at most", took[len(took)/2], took[len(took)-1])
	if median := took[len(took)/2]; median > time.Second {
		t.Errorf("half of all writes are seen on another node later than after %v", median)
	}

	// It goes along when another generation takes over, and when ClickHouse has been away.
	if _, err := p.Rebuild(projectionstest.Within(t), func(Progress) {}); err != nil {
		t.Fatal(err)
	}
	_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
	if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	if f.Generation() != 2 || f.Ready() != nil {
		t.Errorf("it reads generation %d, the second serves; ready: %v", f.Generation(), f.Ready())
	}
	b.engine.Leave(t)
	until(t, "the follower knows that ClickHouse is away", func() bool { return f.Ready() != nil })
	_, at = b.Open(t, projectionstest.Payment{Merchant: 1})
	b.engine.Return()
	if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	if f.Ready() != nil {
		t.Errorf("after ClickHouse came back: %v", f.Ready())
	}
}

func TestAFollowerTellsNothingOfTablesOfAnotherVersion(t *testing.T) {
	b := newBench(t)
	stop := run(t, b.serverProjector(t))
	f := followed(t, b)
	_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
	if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	stop()
	exec(t, b.engine.Conn, `INSERT INTO kipay.generations (sequence, generation, state, layout, position, at)
		SELECT max(sequence) + 1, 2, 'serving', {layout:UInt32}, 0, now64(3) FROM kipay.generations`, clickhouse.Named("layout", layout+1))
	until(t, "the follower serves nothing", func() bool { return f.Generation() == 0 && f.Ready() != nil })
}

// A second projector by mistake, while the first one runs and a follower reads: what any of them claims is there.
func TestWhatTwoProjectorsTellIsTrue(t *testing.T) {
	b := newBench(t)
	b.Merchant(t, 3, "")
	one, other := b.serverProjector(t), b.serverProjector(t)
	run(t, one)
	stopOther := run(t, other)
	f := followed(t, b)
	reader := NewReader(f.conn, f)
	opened := uint64(0)
	for n := range 30 {
		if n == 15 {
			stopOther()
		}
		_, at := b.Open(t, projectionstest.Payment{Merchant: 3})
		opened++
		if err := f.WaitFor(projectionstest.Within(t), at); err != nil {
			t.Fatal(err)
		}
		page, err := reader.Transactions(t.Context(), TransactionFilter{MerchantID: 3, Mode: "test", Zone: nairobi(t), Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != opened || uint64(len(page.Rows)) != opened {
			t.Fatalf("told that position %d is there, of %d payments %d are listed and %d counted", at, opened, len(page.Rows), page.Total)
		}
	}
	caughtUp(t, one, b.Head(t))
	verified(t, one)
}

func TestNodesThatStartAtOnceMigrateOnce(t *testing.T) {
	b := newBench(t)
	group, ctx := errgroup.WithContext(projectionstest.Within(t))
	for range 8 {
		conn := connect(t, b)
		group.Go(func() error { return Migrate(ctx, conn, "") })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	applied, err := appliedMigrations(t.Context(), b.db())
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint32]string{}
	for _, m := range all {
		want[m.number] = m.checksum
	}
	if diff := cmp.Diff(want, applied); diff != "" {
		t.Errorf("migrations (-here +recorded):\n%s", diff)
	}
	tables, err := generationTables(t.Context(), b.db())
	if err != nil || len(tables) != 1 || len(tables[1]) != len(comparisons()) {
		t.Errorf("tables: %v: %v", tables, err)
	}
	if g, _, err := servingGeneration(t.Context(), b.db()); g != 1 || err != nil {
		t.Errorf("generation %d serves: %v", g, err)
	}
	// And all is as one that migrated alone has it.
	run(t, b.projector)
	story(t, b.Install)
	caughtUp(t, b.projector, b.Head(t))
	verified(t, b.projector)
}
