package report_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/projectionstest"
	"github.com/benfex/kipay/projections/report"
)

func TestMain(m *testing.M) { projectionstest.Main(m) }

// still is a generation that nothing writes to.
type still struct{}

func (still) Generation() projections.Generation                 { return 1 }
func (still) Position() eventstore.Position                      { return 0 }
func (still) WaitFor(context.Context, eventstore.Position) error { return nil }

// rowsEnv sets how many payments the timings are taken over, daysEnv how many days they are spread over.
const (
	rowsEnv = "KIPAY_TEST_REPORT_ROWS"
	daysEnv = "KIPAY_TEST_REPORT_DAYS"
)

func number(b *testing.B, name string, otherwise int) int {
	b.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkReportTimes logs how long a month by day takes in every report, over payments of one merchant, 10^5 over a year unless
// the variables say otherwise: go test ./projections/report -run '^$' -bench ReportTimes -benchtime 1x -v
func BenchmarkReportTimes(b *testing.B) {
	rows, days := number(b, rowsEnv, 100_000), number(b, daysEnv, 365)
	e := projectionstest.NewEngine(b)
	if err := projections.Migrate(b.Context(), e.Conn, ""); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	const chunk = 500_000
	for from := 0; from < rows; from += chunk {
		for _, sql := range []string{fillTransactions, fillVersions, fillEntries} {
			ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
			err := e.Conn.Exec(ctx, sql, clickhouse.Named("from", uint64(from)), clickhouse.Named("count", uint64(min(chunk, rows-from))),
				clickhouse.Named("step", uint64(days)*86_400_000/uint64(rows)))
			cancel()
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	last := eventstore.Position(rows * 4)
	if err := e.Conn.Exec(b.Context(), "INSERT INTO kipay.checkpoints (generation, position, stored_at) SELECT 1, {at:UInt64}, now()", clickhouse.Named("at", uint64(last))); err != nil {
		b.Fatal(err)
	}
	// As the tables are once merges have caught up.
	for _, table := range []string{"transactions", "transaction_versions", "ledger_entries"} {
		if err := e.Conn.Exec(b.Context(), "OPTIMIZE TABLE kipay."+table+"_g1 FINAL"); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d payments over %d days filled in %s", rows, days, time.Since(began).Round(time.Second))
	zone, err := time.LoadLocation("Africa/Nairobi")
	if err != nil {
		b.Fatal(err)
	}
	reader := projections.NewReader(e.Conn, still{})
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	from := projections.DayOf(first, time.UTC)
	to := from + 30
	for _, r := range report.All() {
		for _, asOf := range []eventstore.Position{last, last / 24} {
			q := report.Question{
				Report: r, MerchantID: 1, Mode: "test", AsOf: asOf, Now: first.AddDate(1, 0, 0), From: &from, To: &to, Zone: zone, GroupBy: r.GroupBy,
			}
			times := 10
			if r.Name == "summary" && asOf == last {
				times = 100
			}
			var took []time.Duration
			lines := 0
			for range times {
				lines = 0
				began := time.Now()
				if _, err := q.Each(b.Context(), reader, func(*report.Row) error { lines++; return nil }); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
				if r.Running {
					break
				}
			}
			slices.Sort(took)
			b.Logf("%-20s as of %9d: %7d rows, median %8v, p99 %8v", r.Name, asOf, lines, took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
		}
	}
}

// Payment n has events at 4n+1 to 4n+4, a tenth of them fail, and one of a thousand is pending.
const (
	payments = `(SELECT {from:UInt64} + number AS n, toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(n * {step:UInt64}) AS at,
	'KIPAY' || upper(hex(sipHash64(n))) AS ref, multiIf(n % 1000 = 7, 'pending', n % 1000 < 100, 'failed', 'completed') AS became
FROM numbers({count:UInt64}))`

	fillTransactions = `INSERT INTO kipay.transactions_g1
	(merchant_id, mode, created_at, id, version, revision, reference, status, listed, currency, amount_minor, received_minor, credited_minor,
	payment_method, provider, origin, channel_id, customer_id, email, phone, failure_code, paid_at, completed_at, updated_at)
SELECT 1, 'test', at, n + 1, 4 * n + 4, 3, ref, became, 1, 'KES', 100000, if(became = 'completed', 100000, 0), if(became = 'completed', 100000, 0),
	'mpesa_stk', 'mpesa', 'push', 7 + n % 3, n % 5000, 'customer' || toString(n % 5000) || '@example.com', '254712345678',
	if(became = 'failed', 'cancelled', ''), if(became = 'completed', at + toIntervalMillisecond(n % 60000), toDateTime64(0, 3, 'UTC')),
	if(became = 'completed', at + toIntervalMillisecond(n % 60000), toDateTime64(0, 3, 'UTC')), at + toIntervalMillisecond(n % 60000)
FROM ` + payments

	fillVersions = `INSERT INTO kipay.transaction_versions_g1
	(merchant_id, mode, created_at, id, position, reference, revision, effective_at, occurred_at, recorded_at, event_type, status, listed, currency,
	amount_minor, received_minor, credited_minor, payment_method, provider, origin, channel_id, failure_code, paid_at, completed_at)
SELECT 1, 'test', at, n + 1, 4 * n + 1 + event, ref, event, at, at, at, 'PaymentReceived', if(event = 3, became, 'pending'), 1, 'KES', 100000,
	if(event > 1 AND became = 'completed', 100000, 0), if(event > 1 AND became = 'completed', 100000, 0),
	'mpesa_stk', 'mpesa', 'push', 7 + n % 3, if(event = 3 AND became = 'failed', 'cancelled', ''),
	if(event > 1 AND became = 'completed', at + toIntervalMillisecond(n % 60000), toDateTime64(0, 3, 'UTC')),
	if(event = 3 AND became = 'completed', at + toIntervalMillisecond(n % 60000), toDateTime64(0, 3, 'UTC'))
FROM ` + payments + ` ARRAY JOIN [0, 1, 2, 3] AS event`

	fillEntries = `INSERT INTO kipay.ledger_entries_g1
	(merchant_id, mode, position, line, id, event_id, event_type, reference, account, currency, channel_id, debit_minor, credit_minor,
	effective_at, recorded_at, period)
SELECT 1, 'test', 4 * n + 3, line, 16 * (4 * n + 3) + line, toUUID('00000000-0000-0000-0000-000000000001'), 'PaymentReceived', ref,
	['provider_clearing', 'sales', 'provider_fees', 'provider_clearing'][line + 1], 'KES', 7 + n % 3, [100000, 0, 550, 0][line + 1],
	[0, 100000, 0, 550][line + 1], at, at, toYYYYMM(at)
FROM ` + payments + ` ARRAY JOIN [0, 1, 2, 3] AS line WHERE became = 'completed'`
)
