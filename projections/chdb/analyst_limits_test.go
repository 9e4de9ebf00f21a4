package chdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestAStatementOfAnAnalystKeepsWithinItsLimits(t *testing.T) {
	a := asAnalyst(t, analystEngine(t), grantOf("kipay_analytics"))
	for name, step := range map[string]struct {
		limit func(*Grant)
		sql   string
		code  string
	}{
		"time":           {func(g *Grant) { g.MaxSeconds = 0.5 }, "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5", "159"},
		"memory":         {func(*Grant) {}, "SELECT groupArray(number) FROM numbers(100000000)", "241"},
		"memory to sort": {func(*Grant) {}, "SELECT number FROM numbers(100000000) ORDER BY sipHash64(number) LIMIT 99999999, 1", "241"},
		"memory to join": {func(*Grant) {}, "SELECT count() FROM numbers(10) AS a JOIN numbers(100000000) AS b ON a.number = b.number", "241"},
		"rows read":      {func(g *Grant) { g.MaxRowsToRead = 10_000 }, "SELECT max(id) FROM payments", "158"},
		"rows answered":  {func(g *Grant) { g.MaxResultRows = 10_000 }, "SELECT id FROM payments", "396"},
		"bytes answered": {func(g *Grant) { g.MaxResultBytes = 10_000 }, "SELECT id FROM payments", "396"},
	} {
		limited := a
		step.limit(&limited.grant)
		if got := limited.with(values("wait_end_of_query", "1"), step.sql); got.status != 500 || got.code != step.code {
			t.Errorf("%s: %+v, want code %s", name, got, step.code)
		}
	}
	if got := a.with(values("max_execution_time", "0.3"), "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5"); got.code != "159" {
		t.Errorf("time that the request asks for: %+v", got)
	}
	if got := a.ask("SELECT count() FROM payments"); got != (reply{200, "", "20000\n"}) {
		t.Errorf("afterwards: %+v", got)
	}
}

// A result that is short for the engine and long when it is written out must fail by itself: the engine counts what it
// writes against its own memory only, and once that is gone nobody gets any more.
func TestAnAnswerThatGrowsWhenItIsWrittenHarmsNobody(t *testing.T) {
	s := analystEngine(t)
	a := asAnalyst(t, s, grantOf("kipay_analytics"))
	long := strings.Repeat("a", 20_000)
	for _, format := range []string{"Native", "TSV", "CSVWithNames", "JSON", "JSONEachRow", "JSONCompact", "Values", "PrettyCompact", "Vertical", "Markdown", "RowBinary", "Parquet", "MsgPack"} {
		for _, sql := range []string{
			"SELECT toLowCardinality(repeat('x', 100000)) AS v FROM numbers(60000)",
			"SELECT 1 AS " + long + ", 2 AS b" + long + " FROM numbers(60000)",
		} {
			response, err := a.open(within(t), values("default_format", format), sql)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, response.Body) // whatever it gives
			_ = errors.Join(err, response.Body.Close())
			if got := call(t, s).must("POST", nil, "SELECT count() FROM (SELECT number % 1000 AS k, sum(number) FROM numbers(100000) GROUP BY k)"); got.body != "1000\n" {
				t.Fatalf("after %s of %.40s: %+v", format, sql, got)
			}
		}
	}
	if n := s.Restarts(); n != 0 {
		t.Errorf("%d restarts", n)
	}
}

func TestATokenOfOneMerchantSeesItsRowsOnly(t *testing.T) {
	s := analystEngine(t)
	grant := grantOf("kipay_analytics", "kipay_analytics_personal")
	grant.MerchantID = 2
	a := asAnalyst(t, s, grant)
	for sql, want := range map[string]string{
		"SELECT count(), min(merchant_id), max(merchant_id) FROM payments":                                         "10000\t2\t2\n",
		"SELECT count(), min(merchant_id) FROM kipay_analytics_personal.payments":                                  "10000\t2\n",
		"SELECT count(), uniq(p.merchant_id) FROM payments AS p":                                                   "10000\t1\n",
		"SELECT count() FROM payments FINAL":                                                                       "10000\n",
		"WITH p AS (SELECT * FROM payments) SELECT count() FROM p":                                                 "10000\n",
		"WITH payments AS (SELECT * FROM kipay_analytics.payments) SELECT count() FROM payments":                   "10000\n",
		"SELECT (SELECT count() FROM payments), (SELECT max(merchant_id) FROM payments)":                           "10000\t2\n",
		"SELECT count() FROM numbers(20000) WHERE number IN (SELECT id FROM payments)":                             "10000\n",
		"SELECT count() FROM (SELECT 1 AS merchant_id, 4 AS id) AS n JOIN payments AS p USING (merchant_id, id)":   "0\n",
		"SELECT count() FROM payments AS a JOIN payments AS b ON a.id = b.id + 1":                                  "0\n",
		"SELECT count() FROM payments AS a FULL JOIN kipay_analytics_personal.payments AS b ON a.id = b.id":        "10000\n",
		"SELECT count() FROM payments WHERE merchant_id = 1":                                                       "0\n",
		"SELECT count() FROM payments WHERE 1 OR merchant_id = 1":                                                  "10000\n",
		"SELECT count() FROM (SELECT 1 AS merchant_id, * EXCEPT (merchant_id) FROM payments)":                      "10000\n",
		"SELECT count() FROM (SELECT id FROM payments UNION ALL SELECT id FROM kipay_analytics_personal.payments)": "20000\n",
		"SELECT count() FROM (SELECT id FROM payments INTERSECT SELECT id FROM kipay_analytics_personal.payments)": "10000\n",
		"SELECT uniq(merchant_id) OVER () FROM payments LIMIT 1":                                                   "1\n",
		"SELECT count() FROM totals":                    "0\n", // it mixes merchants: nothing in it is theirs alone
		"SELECT 1 WHERE ('completed', 20000) IN totals": "",
		"SELECT count() FROM numbers(20000) WHERE (1, number, 0, '***', 'completed', number * 100) IN payments":                         "0\n",
		"SELECT count() FROM numbers(20000) WHERE (2, number, 0, '***', 'completed', number * 100) IN payments":                         "10000\n",
		"SELECT count(), any(merchant_id) FROM payments GROUP BY merchant_id WITH TOTALS FORMAT JSONCompactEachRow":                     "[10000, 2]\n",
		"SELECT count() FROM payments AS p CROSS JOIN (SELECT count() AS n FROM payments) AS q WHERE q.n = 10000":                       "10000\n",
		"SELECT count() FROM payments AS p WHERE EXISTS (SELECT 1 FROM kipay_analytics_personal.payments AS q WHERE q.id + 1 = p.id)":   "0\n",
		"SELECT countIf(n > 0) FROM (SELECT (SELECT count() FROM payments AS q WHERE q.id + 1 = p.id) AS n FROM payments AS p)":         "0\n",
		"SELECT count() FROM payments AS p ANY LEFT JOIN kipay_analytics_personal.payments AS q ON q.id + 1 = p.id WHERE q.email != ''": "0\n",
		"SELECT sum(id % 2) FROM payments": "10000\n",
	} {
		if got := a.ask(sql); got.status != 200 || got.body != want {
			t.Errorf("%s: %+v, want %q", sql, got, want)
		}
	}
	for _, sql := range []string{
		"SELECT count() FROM payments AS `kipay_analytics.totals`", "SELECT count() FROM payments AS `system.tables`", "SELECT count() FROM merge('kipay_analytics', '.*')",
		"EXPLAIN SELECT count() FROM payments", "SELECT count() FROM kipay_analytics.nowhere", "SELECT count() FROM (SELECT * FROM payments SETTINGS additional_table_filters = {})",
		"SELECT count() FROM payments_g1", "SELECT count() FROM kipay.payments_g1",
	} {
		if got := a.ask(sql); got.status == 200 {
			t.Errorf("%s: %+v", sql, got)
		}
	}
	// A view that was made a moment ago is filtered too.
	owner := call(t, s)
	for _, sql := range []string{"CREATE VIEW kipay_analytics.later AS SELECT merchant_id, id FROM kipay.payments_g1", "CREATE VIEW kipay_analytics.`odd name` AS SELECT merchant_id, id FROM kipay.payments_g1"} {
		if r := owner.must("POST", nil, sql); r.status != 200 {
			t.Fatal(r)
		}
	}
	if got := a.ask("SELECT count() FROM later"); got.body != "10000\n" {
		t.Errorf("%+v", got)
	}
	for _, sql := range []string{"SELECT count() FROM `odd name`", "SELECT count() FROM kipay_analytics.`odd name`", "SELECT 1 WHERE (1, 4) IN `odd name`"} {
		if got := a.ask(sql); got.status == 200 {
			t.Errorf("%s: %+v", sql, got)
		}
	}
}

// What the engine evaluates for other merchants' rows can tell of them by failing. The row with flag 1 is merchant 1's.
func TestOthersRowsAreNotEvenLookedAt(t *testing.T) {
	s := analystEngine(t)
	owner := call(t, s)
	for _, sql := range []string{
		// Without a sorting key there is no index that hides the other rows by luck.
		"CREATE TABLE heap (merchant_id Int64, id Int64, flag UInt8, note String) ENGINE = MergeTree ORDER BY tuple()",
		"INSERT INTO heap SELECT number % 2 + 1, number, number = 4, concat('note ', toString(number)) FROM numbers(20000)",
		"CREATE VIEW kipay_analytics.heap AS SELECT merchant_id, id, flag, note FROM kipay.heap",
		"CREATE VIEW kipay_analytics.joined AS SELECT a.merchant_id AS merchant_id, a.id AS id, b.flag AS flag, b.note AS note FROM kipay.heap AS a" +
			" LEFT JOIN (SELECT id, flag, note FROM kipay.heap) AS b ON a.id = b.id",
	} {
		if r := owner.must("POST", nil, sql); r.status != 200 {
			t.Fatalf("%s: %+v", sql, r)
		}
	}
	everybody := asAnalyst(t, s, grantOf("kipay_analytics"))
	grant := grantOf("kipay_analytics")
	grant.MerchantID = 2
	a := asAnalyst(t, s, grant)
	for _, condition := range []string{
		"throwIf(flag = 1) = 0", "intDiv(1, flag - 1) != 5", "toUInt8(if(flag = 1, 'x', '1')) = 1", "toUInt8(if(flag = 1, note, '1')) = 1", "NOT throwIf(flag = 1)",
		"id >= 0 AND throwIf(flag = 1) = 0", "throwIf(flag = 1) = 0 AND id < 10", "throwIf(id = 4) = 0", "throwIf(note = 'note 4') = 0", "flag < 2 AND throwIf(note = 'note 4') = 0",
		"merchant_id > 0 AND throwIf(flag = 1) = 0", "1 OR throwIf(flag = 1)", "throwIf(flag = 1) IN (0)", "id IN (SELECT id FROM heap WHERE throwIf(flag = 1) = 0)",
	} {
		for _, table := range []string{"heap", "payments", "joined"} {
			if table == "payments" && strings.Contains(condition, "note") {
				continue
			}
			for _, sql := range []string{
				"SELECT count() FROM {table} WHERE {condition}", "SELECT count(), any(id) FROM {table} WHERE {condition} GROUP BY flag", "SELECT id FROM {table} WHERE {condition} ORDER BY id LIMIT 1",
				"SELECT countIf({condition}) FROM {table}", "SELECT count() FROM {table} AS a JOIN (SELECT 1 AS one) AS b ON b.one = 1 WHERE {condition}",
				"SELECT count() FROM (SELECT *, {condition} AS c FROM {table}) WHERE c", "SELECT {condition} AS c, count() FROM {table} GROUP BY c HAVING c", "SELECT max(id) FROM {table} PREWHERE {condition}",
				"SELECT count() FROM (SELECT 3 AS id) AS n LEFT JOIN {table} USING (id) WHERE {condition}", "SELECT row_number() OVER (ORDER BY {condition}) FROM {table} LIMIT 1",
				"SELECT count() FROM {table} AS a JOIN {table} AS b ON a.id = b.id WHERE throwIf(a.flag = 1) = 0 AND throwIf(b.flag = 1) = 0",
				"SELECT count() FROM {table} AS a JOIN {table} AS b ON a.id = b.id AND throwIf(a.flag = 1) = 0", "SELECT count() FROM {table} ARRAY JOIN [flag, 0] AS f WHERE throwIf(f = 1) = 0",
			} {
				sql = strings.NewReplacer("{table}", table, "{condition}", condition).Replace(sql)
				got := a.ask(sql)
				if told := got.code == "395" || got.code == "153" || got.code == "6" || strings.Contains(got.body, "note 4"); told {
					t.Errorf("%s: %+v", sql, got)
				}
			}
		}
	}
	// The same does fail for who may see the row: the test can.
	if got := everybody.ask("SELECT count() FROM heap WHERE throwIf(flag = 1) = 0"); got.code != "395" {
		t.Errorf("for everybody: %+v", got)
	}
}

func TestAResultComesOutWholeInEveryFormat(t *testing.T) {
	const n = 150_000 // three of the engine's pieces
	s := analystEngine(t)
	a := asAnalyst(t, s, grantOf("kipay_analytics"))
	sql := fmt.Sprintf("SELECT number AS k, concat('it''s \"', toString(number), '\\n') AS `a \"b\", c` FROM numbers(%d)", n)
	for _, format := range []string{
		"TabSeparated", "TSVWithNames", "TSVWithNamesAndTypes", "CSV", "CSVWithNames", "CSVWithNamesAndTypes", "JSONEachRow", "JSONCompactEachRow", "JSONCompactEachRowWithNames",
		"JSONCompactEachRowWithNamesAndTypes", "JSONCompactStringsEachRowWithNames", "RowBinary", "RowBinaryWithNames", "RowBinaryWithNamesAndTypes", "Values", "TSKV", "MsgPack", "Markdown",
	} {
		// The engine's own whole result, which nothing had to be put together for.
		want := call(t, s).must("POST", values("default_format", format, "wait_end_of_query", "1"), sql)
		for _, query := range []string{sql, sql + " FORMAT " + format} {
			got := a.with(values("default_format", format), query)
			if got.status != 200 || got.body != want.body {
				t.Errorf("%s: %d bytes, want %d", format, len(got.body), len(want.body))
			}
		}
	}
	type document struct {
		Meta   []struct{ Name, Type string }
		Data   []json.RawMessage
		Totals json.RawMessage
		Rows   int
	}
	for _, format := range []string{"JSON", "JSONStrings", "JSONCompact", "JSONCompactStrings"} {
		for query, rows := range map[string]int{
			sql: n, sql + " LIMIT 0": 0, sql + " LIMIT 70000": 70_000, "SELECT 1": 1, "SELECT number % 100000 AS k, count() FROM numbers(200000) GROUP BY k": 100_000,
			"SELECT number % 3 AS k, count() FROM numbers(200000) GROUP BY k WITH TOTALS": 3, "SELECT number AS k, count() FROM numbers(200000) GROUP BY k WITH TOTALS": 200_000,
		} {
			var d document
			got := a.with(values("default_format", format), query)
			if err := json.Unmarshal([]byte(got.body), &d); err != nil || d.Rows != rows || len(d.Data) != rows || len(d.Meta) == 0 || strings.Contains(query, "TOTALS") != (d.Totals != nil) {
				t.Errorf("%s of %s: %d rows, %d say so, totals %s, %v", format, query, len(d.Data), d.Rows, d.Totals, err)
			}
		}
	}
	for format, magic := range map[string]string{"Parquet": "PAR1", "PrettyCompact": "  ", "Vertical": "Row 1:"} {
		if got := a.with(values("default_format", format), sql); got.status != 200 || !strings.HasPrefix(got.body, magic) {
			t.Errorf("%s: %d %.20q", format, got.status, got.body)
		}
	}
	if got := a.with(values("default_format", "CSVWithNames"), "SELECT number % 2 AS k, count() AS c FROM numbers(10) GROUP BY k WITH TOTALS"); got.body != "\"k\",\"c\"\n0,5\n1,5\n\n0,10\n" {
		t.Errorf("totals: %+v", got)
	}
}

func TestAResultOfAnySizeIsStreamedAndStopsWithItsCaller(t *testing.T) {
	s := analystEngine(t)
	a := asAnalyst(t, s, grantOf("kipay_analytics"))
	a.grant.MaxResultRows, a.grant.MaxResultBytes, a.grant.MaxRowsToRead = 1e15, 1e15, 1e15
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	response, err := a.open(ctx, values("default_format", "RowBinary"), "SELECT number, 'walks away' AS w FROM numbers(1000000000000)")
	if err != nil {
		t.Fatal(err)
	}
	before, err := residentKiB(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	const megabytes = 200
	if n, err := io.CopyN(io.Discard, response.Body, megabytes<<20); err != nil {
		t.Fatalf("%d bytes: %v", n, err)
	}
	after, err := residentKiB(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	if grown := (after - before) / 1024; grown > megabytes/2 {
		t.Errorf("the child has grown by %d MiB: it keeps what it sends", grown)
	}
	conn := open(t, s)
	running := func() uint64 {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%\\'walks away\\'%' AND query NOT LIKE '%processes%'")
	}
	if n := running(); n != 1 {
		t.Errorf("%d statements run", n)
	}
	cancel()
	_ = response.Body.Close() // broken off, as it says
	eventually(t, "it is stopped in the engine", func() bool { return running() == 0 })
}

func TestAnErrorInTheMiddleOfAnAnswerIsFramedOrAnAnswerOfItsOwn(t *testing.T) {
	a := asAnalyst(t, analystEngine(t), grantOf("kipay_analytics"))
	if got := a.ask("SELECT number, throwIf(number = 5000000, 'the middle') FROM numbers(10000000)"); got.status != 200 ||
		!strings.Contains(got.body, "\r\n__exception__\r\n") || !strings.Contains(got.body, "Code: 395") {
		t.Errorf("%d %s", got.status, got.body[max(0, len(got.body)-300):])
	}
	if got := a.with(values("wait_end_of_query", "1"), "SELECT number, throwIf(number = 500000, 'the middle') FROM numbers(1000000)"); got.status != 500 || got.code != "395" {
		t.Errorf("%d %s", got.status, got.body[max(0, len(got.body)-300):])
	}
}

// One call of a function on one block is not interrupted by anything: ten of these take most of a minute.
func TestAStatementThatCannotBeStoppedCostsTheProcess(t *testing.T) {
	s := analystEngine(t)
	a := asAnalyst(t, s, grantOf("kipay_analytics"))
	a.grant.MaxSeconds = 0.5
	response, err := a.open(within(t), nil, "SELECT sum(editDistance(materialize(repeat('ab', 32000)), concat(repeat('ba', 32000), toString(number % 10)))) FROM numbers(20)")
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		err = errors.Join(err, response.Body.Close())
		if response.StatusCode == 200 {
			t.Errorf("it was answered: %v", err)
		}
	}
	eventually(t, "another child is ready", func() bool { return s.Restarts() == 1 && s.Ready() })
	a.grant.MaxSeconds = 10
	if got := a.ask("SELECT count() FROM payments"); got != (reply{200, "", "20000\n"}) {
		t.Errorf("afterwards: %+v", got)
	}
}

// Analysts have connections, threads and memory of their own: the lookups of the payments' side go on beside them.
func TestLookupsGoOnBesideHeavyAnalysts(t *testing.T) {
	const lookups = 300
	s := analystEngine(t)
	conn := open(t, s)
	mustExec(t, conn, paymentsTable)
	insertPayments(t, conn, 0, 10_000)
	measure := func() (median, worst time.Duration) {
		times := make([]time.Duration, lookups)
		for i := range times {
			began := time.Now()
			if got := one[int64](t, conn, "SELECT minor FROM payments FINAL WHERE reference = {r:String}", clickhouse.Named("r", fmt.Sprintf("reference-%d", i*7))); got != int64(i*7) {
				t.Fatalf("%d", got)
			}
			times[i] = time.Since(began)
		}
		slices.Sort(times)
		return times[lookups/2], times[lookups-1]
	}
	alone, aloneWorst := measure()
	ctx, cancel := context.WithCancel(within(t))
	var heavy sync.WaitGroup
	for range 6 { // twice as many as run at once
		heavy.Go(func() {
			a := asAnalyst(t, s, grantOf("kipay_analytics"))
			response, err := a.open(ctx, nil, "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number, 'heavy') = 5")
			if err == nil {
				_ = response.Body.Close()
			}
		})
	}
	running := func() uint64 {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number, \\'heavy\\')%' AND query NOT LIKE '%processes%'")
	}
	eventually(t, "they run", func() bool { return running() == 3 })
	beside, besideWorst := measure()
	cancel()
	heavy.Wait()
	t.Logf("a lookup takes %s (worst %s) alone, %s (worst %s) beside three heavy statements", alone, aloneWorst, beside, besideWorst)
	if besideWorst > time.Second {
		t.Errorf("a lookup took %s beside heavy statements", besideWorst)
	}
}
