package projections

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/projectionstest"
)

// still is a generation that nothing writes to.
type still struct{}

func (still) Generation() Generation                             { return 1 }
func (still) Position() eventstore.Position                      { return 0 }
func (still) WaitFor(context.Context, eventstore.Position) error { return nil }

// rowsEnv sets how many rows the timings are taken over.
const rowsEnv = "KIPAY_TEST_LIST_ROWS"

// BenchmarkListTimes logs how long lists take over 10^4 rows and over as many as the variable says (10^5 when it is not set):
// go test ./projections -run '^$' -bench ListTimes -benchtime 1x -v
func BenchmarkListTimes(b *testing.B) {
	for _, rows := range []int{10_000, manyRows(b)} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			e := projectionstest.NewEngine(b)
			if err := Migrate(b.Context(), e.Conn, ""); err != nil {
				b.Fatal(err)
			}
			fillTransactions(b, e.Conn, rows)
			r := NewReader(e.Conn, still{})
			r.timeout = projectionstest.Patience // times are told, however busy the machine is
			timeLists(b, r, rows)
			fillVersions(b, e.Conn)
			timeVersions(b, r, rows)
			timeChanges(b, r, rows)
			logSizes(b, e.Conn)
		})
	}
}

// manyRows is how many rows the variable asks for.
func manyRows(b *testing.B) int {
	b.Helper()
	s := os.Getenv(rowsEnv)
	if s == "" {
		return 100_000
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func timeLists(t testing.TB, r *Reader, rows int) {
	zone := nairobi(t)
	day := DayOf(time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC), zone)
	for _, c := range []struct {
		name   string
		filter TransactionFilter
		times  int
	}{
		{"newest 20", TransactionFilter{Limit: 20}, 200},
		{"newest 20 completed", TransactionFilter{Limit: 20, Status: transaction.StatusCompleted}, 100},
		{"newest 20 failed", TransactionFilter{Limit: 20, Status: transaction.StatusFailed}, 100},
		{"newest 20 pending", TransactionFilter{Limit: 20, Status: transaction.StatusPending}, 100},
		{"newest 100", TransactionFilter{Limit: 100}, 50},
		{"page 50", TransactionFilter{Limit: 20, Offset: 980}, 50},
		{"one day", TransactionFilter{Limit: 20, From: &day, To: &day}, 50},
		{"halfway", TransactionFilter{Limit: 20, Offset: uint64(rows) / 2}, 5},
		{"last page", TransactionFilter{Limit: 20, Offset: uint64(rows) - 20}, 5},
	} {
		c.filter.MerchantID, c.filter.Mode, c.filter.Zone = 1, "test", zone
		took := make([]time.Duration, 0, c.times)
		var page TransactionPage
		for range c.times {
			began := time.Now()
			var err error
			if page, err = r.Transactions(t.Context(), c.filter); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("%9d rows  %-20s %3d of %8d  median %8v  p99 %8v", rows, c.name, len(page.Rows), page.Total,
			took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond))
	}
}

// timeVersions tells how long it takes to find what lists show as of the middle of what was filled: all of it but the folding of
// a page's payments from the log, which does not grow.
func timeVersions(t testing.TB, r *Reader, rows int) {
	zone := nairobi(t)
	day := DayOf(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), zone)
	middle := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rows/2) * 100 * time.Millisecond)
	for _, c := range []struct {
		name   string
		filter TransactionFilter
		moment Moment
	}{
		{"as of: newest 20", TransactionFilter{Limit: 20}, Moment{AsOf: eventstore.Position(2 * rows)}},
		{"as of: completed", TransactionFilter{Limit: 20, Status: transaction.StatusCompleted}, Moment{AsOf: eventstore.Position(2 * rows)}},
		{"as of: halfway", TransactionFilter{Limit: 20, Offset: uint64(rows) / 4}, Moment{AsOf: eventstore.Position(2 * rows)}},
		{"as of: one day", TransactionFilter{Limit: 20, From: &day, To: &day}, Moment{AsOf: eventstore.Position(2 * rows)}},
		{"by: newest 20", TransactionFilter{Limit: 20}, Moment{AsOf: eventstore.Position(4 * rows), Until: &middle}},
	} {
		c.filter.MerchantID, c.filter.Mode, c.filter.Zone = 1, "test", zone
		took := make([]time.Duration, 0, 9)
		var total uint64
		for range cap(took) {
			began := time.Now()
			q := &transactionQuery{Reader: r, TransactionFilter: c.filter, generation: 1}
			var err error
			if total, _, err = q.versions(t.Context(), c.moment); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("%9d rows  %-20s        %8d  median %8v  worst %8v", rows, c.name, total,
			took[len(took)/2].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	}
}

// timeChanges tells how long it takes to find what changed: since the newest thousandth, twentieth and half of the events, and since
// the first; then what of one day's became known in the second half.
func timeChanges(t testing.TB, r *Reader, rows int) {
	last := eventstore.Position(4 * rows)
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	day := first.Add(time.Duration(rows) * 100 * time.Millisecond).Add(-24 * time.Hour)
	for _, c := range []struct {
		name    string
		between Between
		status  transaction.Status
	}{
		{"diff: a thousandth", Between{Since: last - last/1000, Until: last}, ""},
		{"diff: a twentieth", Between{Since: last - last/20, Until: last}, ""},
		{"diff: half", Between{Since: last / 2, Until: last}, ""},
		{"diff: half, failed", Between{Since: last / 2, Until: last}, transaction.StatusFailed},
		{"diff: all", Between{Until: last}, ""},
		{"diff: one day", Between{Since: last / 2, Until: last, From: &day}, ""},
	} {
		took := make([]time.Duration, 0, 5)
		var total uint64
		for range cap(took) {
			began := time.Now()
			err := r.on(t.Context(), tablesOnly, func(ctx context.Context, g Generation) (err error) {
				total, _, err = r.changed(withSettings(ctx, onDisk), g, transactionVersions(), newWhere(1, "test"), "'"+string(c.status)+"' IN ('', status)", c.between, 0, 20)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("%9d rows  %-20s        %8d  median %8v  worst %8v", rows, c.name, total,
			took[len(took)/2].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	}
}

// fillVersions gives each payment four events, one after the other.
func fillVersions(t testing.TB, conn driver.Conn) {
	exec(t, conn, `INSERT INTO kipay.transaction_versions_g1
		(merchant_id, mode, created_at, id, position, reference, revision, effective_at, occurred_at, recorded_at, event_type, status, listed, currency,
		amount_minor, received_minor, payment_method, receipt)
	SELECT merchant_id, mode, created_at, id, 4 * (id - 1) + v AS position, reference, v - 1, created_at + toIntervalSecond(v) AS at, at, at,
		['TransactionInitialized', 'StkPushAccepted', 'PaymentReceived', 'TransactionCompleted'][v], if(v < 3, 'pending', status), 1, currency,
		amount_minor, if(v < 3, 0, received_minor), if(v < 3, '', payment_method), if(v < 3, '', receipt)
	FROM kipay.transactions_g1 ARRAY JOIN [1, 2, 3, 4] AS v WHERE version = 2`)
}

// fillTransactions writes so many rows of one merchant, a tenth of a second apart, and their counters. The newest
// twentieth has an older version in another part, as the rows of a busy hour do.
func fillTransactions(t testing.TB, conn driver.Conn, rows int) {
	const chunk = 1_000_000
	began := time.Now()
	for from := 0; from < rows; from += chunk {
		exec(t, conn, fillSQL, clickhouse.Named("from", uint64(from)), clickhouse.Named("count", uint64(min(chunk, rows-from))),
			clickhouse.Named("version", uint64(2)), clickhouse.Named("old", uint8(0)))
	}
	exec(t, conn, fillSQL, clickhouse.Named("from", uint64(rows-rows/20)), clickhouse.Named("count", uint64(rows/20)),
		clickhouse.Named("version", uint64(1)), clickhouse.Named("old", uint8(1)))
	exec(t, conn, `INSERT INTO kipay.counters_g1 (merchant_id, kind, mode, status, day, value, version)
		SELECT merchant_id, 'transactions', mode, status, toDate(created_at, 'Africa/Nairobi') AS day, count(), 2
		FROM kipay.transactions_g1 WHERE version = 2 GROUP BY merchant_id, mode, status, day`)
	t.Logf("%d rows filled in %v", rows, time.Since(began).Round(time.Millisecond))
}

// logSizes says how many bytes a row of each table takes on disk.
func logSizes(t testing.TB, conn driver.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts
		WHERE active AND database = 'kipay' AND rows > 0 GROUP BY table ORDER BY table`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var table string
		var n, bytes uint64
		if err := rows.Scan(&table, &n, &bytes); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-28s %9d rows, %6.1f bytes each", table, n, float64(bytes)/float64(n))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"mutations_sync": 2}))
	if err := conn.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Of 1,000 rows one is pending and 99 have failed.
const fillSQL = `INSERT INTO kipay.transactions_g1
	(merchant_id, mode, created_at, id, version, revision, reference, status, listed, currency, amount_minor, received_minor,
	credited_minor, payment_method, provider, origin, channel_id, customer_id, email, first_name, last_name, phone, description,
	merchant_reference, pushes, phone_number, checkout_request_id, receipt, paid_at, updated_at)
SELECT 1, 'test', toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(n * 100) AS at, n + 1, {version:UInt64}, 5,
	'KIPAY' || upper(hex(sipHash64(n))) AS ref,
	multiIf({old:UInt8} = 1, 'pending', n % 1000 = 7, 'pending', n % 1000 < 100, 'failed', 'completed'), 1, 'KES', 100000, 100000, 100000,
	'mpesa_stk', 'mpesa', 'push', 7, n % 5000, 'customer' || toString(n % 5000) || '@example.com', 'John', 'Doe', '254712345678',
	'Payment for order ' || toString(n), 'ORDER' || toString(n), 1, '254712345678', 'ws_CO_' || ref, substring(ref, 6, 10), at, at
FROM (SELECT {from:UInt64} + number AS n FROM numbers({count:UInt64}))`
