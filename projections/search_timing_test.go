package projections

import (
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/projections/projectionstest"
)

// BenchmarkSearchTimes logs how long searches take over so many customers of one merchant as KIPAY_TEST_LIST_ROWS says (10^5
// when it is not set): go test ./projections -run '^$' -bench SearchTimes -benchtime 1x -v
func BenchmarkSearchTimes(b *testing.B) {
	rows := manyRows(b)
	e := projectionstest.NewEngine(b)
	if err := Migrate(b.Context(), e.Conn, ""); err != nil {
		b.Fatal(err)
	}
	const chunk = 1_000_000
	for from := 0; from < rows; from += chunk {
		exec(b, e.Conn, `INSERT INTO kipay.customers_g1
			SELECT 1, toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(n) AS at, n + 1, n + 1, hex(sipHash128(n)),
				concat('customer', toString(n), '@example.com'), concat('First', toString(n % 5003)), concat('Last', toString(n % 40009)),
				concat('2547', leftPad(toString(n), 8, '0')),
				concat('first', toString(n % 5003), '\n', 'last', toString(n % 40009), '\n', 'customer', toString(n), '@example.com\n', '2547', leftPad(toString(n), 8, '0')), at
			FROM (SELECT number + {from:UInt64} AS n FROM numbers({count:UInt64}))`,
			clickhouse.Named("from", uint64(from)), clickhouse.Named("count", uint64(min(chunk, rows-from))))
	}
	r := NewReader(e.Conn, still{})
	r.timeout = projectionstest.Patience // times are told, however busy the machine is
	for _, c := range []struct{ name, search string }{
		{"an email", "customer4242@example"},
		{"a phone number", "254700004242"},
		{"a name of many", "first4242"},
		{"nobody", "nobody@nowhere"},
		{"three letters", "242"},
	} {
		took := make([]time.Duration, 0, 10)
		var found uint64
		for range cap(took) {
			began := time.Now()
			page, err := r.Customers(b.Context(), CustomerFilter{MerchantID: 1, Search: c.search, Limit: 20})
			if err != nil {
				b.Fatal(err)
			}
			took, found = append(took, time.Since(began)), page.Total
		}
		slices.Sort(took)
		b.Logf("%9d customers  %-16s %8d found  median %8v  worst %8v", rows, c.name, found,
			took[len(took)/2].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	}
	logSizes(b, e.Conn)
}
