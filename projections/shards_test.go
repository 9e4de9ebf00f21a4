package projections

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/projections/projectionstest"
)

// alone is a connection to an engine that knows clusters but has no Keeper: it makes tables without what needs one.
type alone struct{ driver.Conn }

var (
	onCluster  = regexp.MustCompile(` ON CLUSTER '\w+'`)
	replicated = regexp.MustCompile(`Replicated(ReplacingMergeTree)\('[^']*', '[^']*'(?:, (\w+))?\)`)
)

func (a alone) Exec(ctx context.Context, query string, args ...any) error {
	return a.Conn.Exec(ctx, replicated.ReplaceAllString(onCluster.ReplaceAllString(query, ""), "${1}(${2})"), args...)
}

// The shards are asked nothing, as none is there; whether a question may be asked of them at all is decided before. With
// other settings most of these are refused as "double-distributed".
func TestQuestionsMayBeAskedOfShards(t *testing.T) {
	e := projectionstest.NewShardedEngine(t)
	db := database{alone{e.Conn}, projectionstest.ShardedCluster}
	f, err := db.form(t.Context())
	if err != nil || !f.sharded {
		t.Fatalf("the form of a cluster of two shards is %+v: %v", f, err)
	}
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if err := db.define(t.Context(), f, m.sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := ensureGeneration(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	settings := Settings(db.cluster)
	settings["skip_unavailable_shards"] = 1
	ctx := clickhouse.Context(projectionstest.Within(t), clickhouse.WithSettings(settings))

	r := NewReader(e.Conn, still{})
	if _, err := r.Channels(ctx, 1, false); err != nil {
		t.Errorf("channels: %v", err)
	}
	for _, search := range []string{"", "jane"} {
		if _, err := r.Customers(ctx, CustomerFilter{MerchantID: 1, Search: search, Limit: 20}); err != nil && !errors.Is(err, sql.ErrNoRows) { // no shard, no count
			t.Errorf("customers, searched for %q: %v", search, err)
		}
	}
	if _, err := r.Imports(ctx, ImportFilter{MerchantID: 1, Mode: "test", Limit: 20}); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("imports: %v", err)
	}
	if _, err := r.Differences(ctx, DifferenceFilter{MerchantID: 1, Mode: "test", Import: 1, State: "open", Limit: 20}); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("differences: %v", err)
	}
	w := window{from: earliest, until: latest}
	for _, status := range []string{"", "pending", "completed"} {
		q := &transactionQuery{Reader: r, generation: 1, TransactionFilter: TransactionFilter{MerchantID: 1, Mode: "test", Zone: time.UTC, Limit: 20}}
		q.Status = transaction.Status(status)
		if _, err := q.shallowPage(ctx); err != nil {
			t.Errorf("transactions %q: %v", status, err)
		}
		if _, err := q.keys(ctx, w, 100); err != nil {
			t.Errorf("keys of transactions %q: %v", status, err)
		}
		key := transactionKey{time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC), 7}
		if _, err := q.ofKeys(ctx, []transactionKey{key}); err != nil {
			t.Errorf("transactions of keys %q: %v", status, err)
		}
		if _, err := q.still(ctx, []Transaction{{CreatedAt: key.at, ID: key.id}}); err != nil {
			t.Errorf("transactions that moved on %q: %v", status, err)
		}
	}
	by := time.Date(2026, 3, 31, 21, 0, 0, 0, time.UTC)
	past, then := NewPast(r, nil), Moment{AsOf: 7, Until: &by}
	q := &transactionQuery{Reader: r, generation: 1, TransactionFilter: TransactionFilter{MerchantID: 1, Mode: "test", Zone: time.UTC, Limit: 20}}
	var total uint64
	if err := q.countVersions(ctx, then, &total); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("the count as of a moment: %v", err)
	}
	if _, err := q.newestVersions(ctx, then); err != nil {
		t.Errorf("transactions as of a moment: %v", err)
	}
	if _, err := q.deepVersions(ctx, then); err != nil {
		t.Errorf("a deep page as of a moment: %v", err)
	}
	if err := q.name(ctx, []versionKey{{position: 7}}); err != nil {
		t.Errorf("the names of versions: %v", err)
	}
	if _, err := past.Refunds(ctx, RefundFilter{MerchantID: 1, Mode: "test", Limit: 20}, then); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("refunds as of a moment: %v", err)
	}
	if _, err := past.Payouts(ctx, PayoutFilter{MerchantID: 1, Mode: "test", Status: "sent", Limit: 20}, then); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("payouts as of a moment: %v", err)
	}
	for _, search := range []string{"", "jane"} {
		if _, err := past.Customers(ctx, CustomerFilter{MerchantID: 1, Search: search, Limit: 20}, then); err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("customers as of a moment, searched for %q: %v", search, err)
		}
	}
	between := Between{Since: 3, Until: 7, By: &by, From: &by}
	for _, v := range []*versioned{transactionVersions(), refundVersions(), disputeVersions(), payoutVersions(), customerVersions()} {
		w := newWhereOf(1)
		if _, _, err := r.changed(ctx, 1, v, w, "1", between, 0, 20); err != nil && !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("what changed of %s: %v", v.table, err)
		}
		args := append(w.args, append(between.args(), clickhouse.Named("limit", uint64(20)), clickhouse.Named("offset", uint64(0)))...)
		if err := r.each(ctx, Generation(1).in(between.pageOf(v, w.sql(), "1")), args, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("a page of what changed of %s: %v", v.table, err)
		}
	}
	month := MonthFilter{MerchantID: 1, Mode: "test", Month: 202603, From: earliest, Until: latest, AsOf: 7, Streams: []string{"statement-1"}}
	if _, err := r.monthPositions(ctx, month); err != nil {
		t.Errorf("the places of a month's events: %v", err)
	}
	if _, err := r.eventsAt(ctx, 1, []uint64{7}); err == nil || !strings.Contains(err.Error(), "0 of 1 events") {
		t.Errorf("events at their places: %v", err)
	}
	if err := r.MonthEntries(ctx, month, func(*LedgerEntry) error { return nil }); err != nil {
		t.Errorf("a month's entries: %v", err)
	}
	if _, err := r.MonthImports(ctx, month); err != nil {
		t.Errorf("a month's imports: %v", err)
	}
	count := newTally(db, 1, false, func(_ context.Context, ask func() error) error { return ask() })
	if err := count.load(ctx, pageKey{merchant: 1, kind: countTransactions, day: 20000}); err != nil {
		t.Errorf("counters: %v", err)
	}
	for _, c := range comparisons() {
		if _, _, err := c.checksums(ctx, db, 1); err != nil {
			t.Error(err)
		}
		if _, err := c.rowsOf(ctx, db, 1, 0); err != nil {
			t.Error(err)
		}
		if _, err := c.columnsOf(ctx, db, 1, 0, make([]string, len(c.key))); err != nil {
			t.Error(err)
		}
		// Analysts ask the views, with settings of their own.
		theirs := clickhouse.Context(projectionstest.Within(t), clickhouse.WithSettings(clickhouse.Settings{"skip_unavailable_shards": 1}))
		var n uint64
		if err := e.Conn.QueryRow(theirs, "SELECT count() FROM (SELECT * FROM kipay."+c.table.name+")").Scan(&n); err != nil {
			t.Errorf("view %s: %v", c.table.name, err)
		}
	}

	// A generation goes with both of its tables.
	tables, err := generationTables(t.Context(), db)
	if err != nil || len(tables[1]) != 2*len(comparisons()) {
		t.Fatalf("tables of the generation: %v: %v", tables[1], err)
	}
	if err := dropGeneration(t.Context(), db, 1); err != nil {
		t.Fatal(err)
	}
	if tables, err = generationTables(t.Context(), db); err != nil || len(tables[1]) > 0 {
		t.Errorf("left of a generation that was dropped: %v: %v", tables[1], err)
	}
}

func TestAClusterThatClickHouseDoesNotKnowIsNamed(t *testing.T) {
	e := projectionstest.NewEngine(t)
	err := Migrate(t.Context(), e.Conn, "elsewhere")
	if err == nil || !strings.Contains(err.Error(), `no cluster "elsewhere"`) {
		t.Errorf("an unknown cluster: %v", err)
	}
}
