package projections

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/projections/projectionstest"
)

// Rows over the native protocol, in compressed blocks. The server is an old one: of the tables it only knows the types of
// this one, and of the settings none that count.
func TestRowsAreWrittenOverTheNativeProtocol(t *testing.T) {
	addr := projectionstest.NewOldServer(t)
	options, err := clickhouse.ParseDSN(fmt.Sprintf("clickhouse://%s@%s?compress=lz4", url.UserPassword(projectionstest.User, projectionstest.Password), addr))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for _, statement := range []string{`CREATE DATABASE kipay`, `CREATE TABLE kipay.counters_g1 (merchant_id Int64, kind LowCardinality(String), mode LowCardinality(String),
		status LowCardinality(String), day Date, value Int64, version UInt64)
		ENGINE = ReplacingMergeTree(version) ORDER BY (merchant_id, kind, mode, status, day)`} {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	const merchants = 2000
	for version := range uint64(2) { // the second time in memory that the first has lent
		rows := newCounterColumns()
		for m := range int64(merchants) {
			rows.add(pageKey{merchant: m, kind: countTransactions, day: 20000 + m%3}, &cell{mode: "test", status: "pending", value: m, version: 7})
			rows.version.v[m] = version
		}
		if err := rows.write(t.Context(), conn, Generation(1), manner{named: true}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	var n, sum uint64
	var day time.Time
	var status string
	if err := conn.QueryRow(t.Context(), `SELECT count(), toUInt64(sum(value)), max(day), any(status) FROM kipay.counters_g1 FINAL WHERE version = 1`).Scan(
		&n, &sum, &day, &status); err != nil {
		t.Fatal(err)
	}
	if n != merchants || sum != merchants*(merchants-1)/2 || DayOf(day, time.UTC) != 20002 || status != "pending" {
		t.Errorf("%d rows that add up to %d, newest of day %d, %s", n, sum, DayOf(day, time.UTC), status)
	}
}
