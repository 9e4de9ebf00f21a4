package projections

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// behind answers the first questions about transactions as a replica does that lacks rows which most replicas have.
type behind struct {
	driver.Conn
	left atomic.Int64
}

func (c *behind) Query(ctx context.Context, query string, args ...any) (driver.Rows, error) {
	if c.left.Add(-1) >= 0 {
		return nil, &clickhouse.Exception{Code: replicaNotInQuorum, Name: "REPLICA_IS_NOT_IN_QUORUM"}
	}
	return c.Conn.Query(ctx, query, args...)
}

func TestAListWaitsForAReplicaThatIsBehind(t *testing.T) {
	b := newBench(t)
	p := b.serverProjector(t)
	run(t, p)
	_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
	if err := p.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	slow := &behind{Conn: b.engine.Conn}
	slow.left.Store(3)
	page, err := NewReader(slow, p).Transactions(t.Context(), TransactionFilter{MerchantID: 1, Mode: "test", Zone: nairobi(t), Limit: 20})
	if err != nil || len(page.Rows) != 1 {
		t.Fatalf("%d rows of a replica that was behind: %v", len(page.Rows), err)
	}
	if left := slow.left.Load(); left > 0 {
		t.Errorf("%d refusals were not met", left)
	}
}

// A write whose answer got lost is sent again. Nothing may come of that, not even a second version for merges to remove.
func TestABlockSentTwiceIsWrittenOnce(t *testing.T) {
	b := newBench(t)
	p := b.serverProjector(t)
	stop := run(t, p)
	story(t, b.Install)
	caughtUp(t, p, b.Head(t))
	stop()
	var all []decoded
	records, err := b.Store.ReadAll(t.Context(), 0, eventstore.Forward, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		d, err := p.decoder.decode(t.Context(), &records[i])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	g, err := freshGeneration(t.Context(), b.db())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.prepare(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	// What is counted is rows as they lie there, nothing merged away.
	exec(t, b.engine.Conn, "SYSTEM STOP MERGES")
	rows := func() map[string]uint64 {
		out := map[string]uint64{}
		for _, c := range comparisons() {
			var n uint64
			if err := b.engine.Conn.QueryRow(t.Context(), g.in("SELECT count() FROM kipay."+c.table.name+"_gN")).Scan(&n); err != nil {
				t.Fatal(err)
			}
			out[c.table.name] = n
		}
		return out
	}
	write := func() map[string]uint64 {
		into := newBatch()
		builder := newBuilder(b.Log, 100, newTally(b.engine.Conn, g, true, p.unmoved), nil)
		for i := range all {
			if err := builder.add(t.Context(), &all[i], into); err != nil {
				t.Fatal(err)
			}
		}
		into.seal(builder)
		if err := p.write(t.Context(), append(into.filled(), into.archive.filled()...), g, into.span, p.failed); err != nil {
			t.Fatal(err)
		}
		return rows()
	}
	once := write()
	again := write()
	for table, n := range once {
		if n == 0 || again[table] != n {
			t.Errorf("%s: %d rows once, %d after the same block came again", table, n, again[table])
		}
	}
}

func TestErrorsDoNotSayWhatWasSearchedFor(t *testing.T) {
	b := newBench(t)
	run(t, b.projector)
	_, at := b.Open(t, projectionstest.Payment{Merchant: 1})
	if err := b.projector.WaitFor(projectionstest.Within(t), at); err != nil {
		t.Fatal(err)
	}
	reader := NewReader(b.engine.Conn, still{})
	b.engine.Leave(t)
	var err error
	until(t, "a search fails on the wire", func() bool {
		_, err = reader.Customers(t.Context(), CustomerFilter{MerchantID: 1, Search: "jane@example.com", Limit: 20})
		return err != nil
	})
	if strings.Contains(err.Error(), "jane") {
		t.Error(err)
	}
}
