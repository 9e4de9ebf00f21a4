package chdb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An install of two merchants as analysts see it: tables that nobody but views may read, views for everybody, and views
// that show personal columns.
var analystSchema = []string{
	"CREATE DATABASE kipay_analytics",
	"CREATE DATABASE kipay_analytics_personal",
	"CREATE TABLE payments_g1 (merchant_id Int64, id Int64, flag UInt8, email String, status LowCardinality(String), amount Int64, version UInt64)" +
		" ENGINE = ReplacingMergeTree(version) ORDER BY (merchant_id, id)",
	// The payment 4 is another merchant's, and the first row that a condition finds by its smallest column.
	"INSERT INTO payments_g1 SELECT number % 2 + 1, number, number = 4, concat('wanjiku', toString(number), '@example.com'), 'completed', number * 100, 1 FROM numbers(20000)",
	"CREATE TABLE keys (id Int64, secret String) ENGINE = MergeTree ORDER BY id",
	"INSERT INTO keys VALUES (1, 'the secret')",
	"CREATE VIEW kipay_analytics.payments AS SELECT merchant_id, id, flag, '***' AS email, status, amount FROM kipay.payments_g1 FINAL",
	"CREATE VIEW kipay_analytics.totals AS SELECT status, count() AS n FROM kipay.payments_g1 FINAL GROUP BY status",
	"CREATE VIEW kipay_analytics_personal.payments AS SELECT merchant_id, id, flag, email, status, amount FROM kipay.payments_g1 FINAL",
}

// asking speaks to a child as the parent does for analysts.
type asking struct {
	*caller
	grant Grant
}

func grantOf(databases ...string) Grant {
	return Grant{Databases: databases, MaxSeconds: 20, MaxRowsToRead: 1e15, MaxResultRows: 1e7, MaxResultBytes: 1 << 30}
}

// analystEngine is a child with the schema.
func analystEngine(t testing.TB) *Supervisor {
	t.Helper()
	s := supervise(t, shortDir(t))
	c := call(t, s)
	for _, sql := range analystSchema {
		if r := c.must("POST", nil, sql); r.status != 200 {
			t.Fatalf("%s: %+v", sql, r)
		}
	}
	return s
}

func asAnalyst(t testing.TB, s *Supervisor, grant Grant) asking { return asking{call(t, s), grant} }

func (a asking) open(ctx context.Context, query url.Values, sql string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, "POST", "http://"+socketHost+AnalystPath+"?"+query.Encode(), strings.NewReader(sql))
	if err != nil {
		return nil, err
	}
	if err := a.grant.Write(request.Header); err != nil {
		return nil, err
	}
	return a.web.Do(request)
}

func (a asking) with(query url.Values, sql string) reply {
	a.t.Helper()
	response, err := a.open(within(a.t), query, sql)
	if err != nil {
		a.t.Fatalf("%s: %v", sql, err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		a.t.Fatalf("%s: %v", sql, err)
	}
	return reply{response.StatusCode, response.Header.Get("X-ClickHouse-Exception-Code"), string(text)}
}

func (a asking) ask(sql string) reply {
	a.t.Helper()
	return a.with(nil, sql)
}

func TestAnalystsMayReadTheirViewsInAnySQL(t *testing.T) {
	a := asAnalyst(t, analystEngine(t), grantOf("kipay_analytics"))
	for sql, want := range map[string]string{
		"SELECT count() FROM payments":                                                                                                                     "20000\n",
		"SELECT count() FROM kipay_analytics.payments":                                                                                                     "20000\n",
		"select any(email) from `kipay_analytics`.\"payments\" -- a comment\n;":                                                                            "***\n",
		"/* a */ WITH big AS (SELECT * FROM payments WHERE amount > 100) SELECT count() FROM big":                                                          "19998\n",
		"SELECT count() FROM payments AS p JOIN payments AS q ON p.id = q.id":                                                                              "20000\n",
		"SELECT count() FROM payments AS p LEFT JOIN (SELECT 1 AS id, 'x' AS note) AS n USING (id) WHERE note = 'x'":                                       "1\n",
		"SELECT number FROM numbers(3) WHERE number IN (SELECT id FROM payments) ORDER BY number":                                                          "0\n1\n2\n",
		"SELECT 1 WHERE 7 NOT IN (1, 2)":                                                                                                                   "1\n",
		"SELECT merchant_id, count() AS n FROM payments GROUP BY merchant_id ORDER BY merchant_id":                                                         "1\t10000\n2\t10000\n",
		"SELECT sumIf(amount, id < 3), quantileExact(0.5)(id), uniqExactOrNull(status), countIf(id = 1), argMin(id, amount), min(p.id) FROM payments AS p": "300\t10000\t1\t1\t0\t0\n",
		"SELECT arraySum(arrayMap(x -> x * 2, [1, 2, 3])), toStartOfMonth(toDate('2026-07-15')), 'a' || 'b', [1, 2][1], (1, 'a').2, map('k', 1)['k']":      "",
		"SELECT count() OVER (PARTITION BY status ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM payments ORDER BY n DESC LIMIT 1":        "2\n",
		"SELECT row_number() OVER w, lagInFrame(id) OVER w FROM payments WINDOW w AS (ORDER BY id) ORDER BY id LIMIT 1":                                    "1\t0\n",
		"SELECT * EXCEPT (email, status) REPLACE (amount / 100 AS amount) FROM payments ORDER BY id LIMIT 1":                                               "1\t0\t0\t0\n",
		"SELECT COLUMNS('^i'), p.id FROM payments AS p ORDER BY id LIMIT 1":                                                                                "0\t0\n",
		"SELECT CASE WHEN id > 0 THEN 'a' ELSE 'b' END, if(id = 0, 1, 2), CAST(id AS String), id::UInt8 FROM payments ORDER BY id LIMIT 1":                 "b\t1\t0\t0\n",
		"SELECT toStartOfInterval(toDateTime('2026-07-01 10:20:30', 'UTC'), INTERVAL 1 HOUR), now() - INTERVAL 1 DAY < now()":                              "2026-07-01 10:00:00\t1\n",
		"SELECT * FROM ((SELECT 1 AS n) UNION ALL (SELECT 2)) ORDER BY n":                                                                                  "",

		"SELECT 1 UNION DISTINCT SELECT 1": "1\n",
		"SELECT 1 INTERSECT SELECT 1":      "1\n",
		"SELECT a, b FROM (SELECT [1, 2] AS xs) ARRAY JOIN xs AS a LEFT ARRAY JOIN [a] AS b":                 "1\t1\n2\t2\n",
		"SELECT status, count() FROM payments GROUP BY status WITH TOTALS":                                   "completed\t20000\n\n\t20000\n",
		"SELECT status, count() FROM payments GROUP BY GROUPING SETS ((status), ()) ORDER BY status":         "",
		"SELECT number AS d FROM numbers(2) ORDER BY d WITH FILL FROM 0 TO 4":                                "0\n1\n2\n3\n",
		"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) FROM r": "3\n",
		"SELECT EXISTS(SELECT 1 FROM payments WHERE id = 5)":                                                 "1\n",
		"SELECT id FROM payments WHERE id = (SELECT max(id) FROM payments)":                                  "19999\n",
		"SELECT DISTINCT ON (status) status FROM payments LIMIT 1 OFFSET 0":                                  "completed\n",
		"SELECT currentDatabase(), version() != '', timezone()":                                              "kipay_analytics\t1\tUTC\n",
		"SELECT count(*) FILTER (WHERE id < 5), count(DISTINCT status) FROM payments":                        "5\t1\n",
		"SELECT name FROM system.tables ORDER BY name":                                                       "payments\ntotals\n",
		"SELECT name FROM system.databases":                                                                  "kipay_analytics\n",
		"SELECT DISTINCT table FROM system.columns ORDER BY table":                                           "payments\ntotals\n",
		"SHOW TABLES": "payments\ntotals\n",
		"SHOW TABLES FROM kipay_analytics LIKE 'pay%'": "payments\n",
		"SHOW DATABASES":        "kipay_analytics\n",
		"EXISTS TABLE payments": "1\n",

		"DESCRIBE TABLE kipay_analytics.totals FORMAT JSONCompactEachRow": "",

		"SHOW COLUMNS FROM totals":                   "",
		"SHOW CREATE TABLE kipay_analytics.payments": "",
		"EXPLAIN SELECT count() FROM payments":       "",

		"SELECT 1 AS `count (total)`, 2 AS `ünïcode` FORMAT JSONEachRow": "{\"count (total)\":1,\"ünïcode\":2}\n",

		"SELECT 'SETTINGS readonly = 0 file(url) system.processes'": "SETTINGS readonly = 0 file(url) system.processes\n",
		"FROM payments SELECT max(id)":                              "19999\n",
	} {
		if got := a.ask(sql); got.status != 200 || want != "" && got.body != want {
			t.Errorf("%s: %+v", sql, got)
		}
	}
	if got := a.with(values("param_id", "5", "param_s", "it's"), "SELECT id, {s:String} FROM payments WHERE id = {id:Int64}"); got != (reply{200, "", "5\tit\\'s\n"}) {
		t.Errorf("parameters: %+v", got)
	}
}

func TestAnalystsReachNothingElse(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte("the secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := asAnalyst(t, analystEngine(t), grantOf("kipay_analytics"))
	for _, sql := range []string{
		// Tables elsewhere, however they are named.
		"SELECT * FROM kipay.keys", "SELECT * FROM `kipay`.`keys`", "SELECT * FROM \"kipay\".\"keys\"", "SELECT * FROM kipay . keys",
		"SELECT * FROM kipay/**/./**/keys", "SELECT * FROM `kip\\x61y`.keys", "SELECT * FROM kipay.payments_g1", "SELECT email FROM kipay_analytics_personal.payments",
		"SELECT * FROM (SELECT * FROM kipay.keys)", "WITH k AS (SELECT * FROM kipay.keys) SELECT * FROM k", "WITH payments AS (SELECT * FROM kipay.keys) SELECT * FROM payments",
		"SELECT (SELECT secret FROM kipay.keys)", "WITH (SELECT secret FROM kipay.keys) AS s SELECT s", "SELECT 1 WHERE 1 IN (SELECT id FROM kipay.keys)",
		"SELECT 1 IN kipay.keys", "SELECT (1, 'the secret') IN (kipay.keys)", "SELECT in((1, 'x'), kipay.keys)", "SELECT globalNotIn((1, 'x'), kipay.keys)", "SELECT 1 GLOBAL NOT IN kipay.keys",
		"WITH kipay.keys AS k SELECT (1, 'x') IN k", "SELECT EXISTS(SELECT 1 FROM kipay.keys)", "SELECT 1 UNION ALL SELECT id FROM kipay.keys", "SELECT 1 EXCEPT SELECT id FROM kipay.keys",
		"SELECT * FROM payments JOIN kipay.keys AS k ON k.id = payments.id", "SELECT * FROM payments, kipay.keys", "SELECT * FROM numbers((SELECT max(id) FROM kipay.keys))",
		"SELECT arrayMap(x -> (SELECT secret FROM kipay.keys), [1])", "SELECT 1 ORDER BY (SELECT secret FROM kipay.keys)", "SELECT 1 LIMIT (SELECT id FROM kipay.keys)",
		"SELECT id FROM payments GROUP BY id HAVING id = (SELECT max(id) FROM kipay.keys)", "SELECT * REPLACE ((SELECT secret FROM kipay.keys) AS email) FROM payments",
		"SELECT sum(1) OVER (ORDER BY (SELECT secret FROM kipay.keys))", "SELECT kipay.keys.secret FROM payments", "FROM kipay.keys", "FROM kipay.keys SELECT *", "TABLE kipay.keys",
		"SELECT * FROM KIPAY.keys", "SELECT * FROM default.`" + path + "`", "SELECT * FROM `" + path + "`", "SELECT * FROM `kipay.keys`", "SELECT * FROM kipay_analytics.`../kipay/keys`",
		// The same through parameters.
		"SELECT * FROM kipay.{t:Identifier}", "SELECT * FROM {d:Identifier}.keys", "SELECT arrayMap({f:Identifier}, ['" + path + "'])", "SELECT 1 IN {kt:Identifier}",
		// What describes tables.
		"DESCRIBE kipay.keys", "DESC TABLE kipay.keys", "DESCRIBE (SELECT * FROM kipay.keys)", "SHOW CREATE TABLE kipay.keys", "SHOW CREATE kipay.keys", "SHOW CREATE DATABASE kipay",
		"EXISTS kipay.keys", "EXISTS DATABASE kipay", "SHOW TABLES FROM kipay", "SHOW TABLES WHERE name = file('" + path + "')", "SHOW COLUMNS FROM payments WHERE field = file('" + path + "')",
		"SHOW PROCESSLIST", "SHOW SETTINGS LIKE 'r%'", "SHOW CLUSTERS", "SHOW MERGES", "SHOW GRANTS", "SHOW USERS", "SHOW ACCESS", "SHOW FUNCTIONS", "SHOW INDEX FROM payments", "SHOW DICTIONARIES",
		"EXPLAIN SELECT * FROM kipay.keys", "EXPLAIN AST SELECT * FROM kipay.keys", "EXPLAIN ESTIMATE SELECT count() FROM payments", "EXPLAIN AST DROP TABLE payments",
		"EXPLAIN QUERY TREE SELECT (SELECT secret FROM kipay.keys)", "SELECT * FROM (EXPLAIN SELECT * FROM kipay.keys)", "CHECK TABLE kipay.keys", "EXPLAIN PLAN indexes = 1 SELECT 1",
		// The engine's own tables.
		"SELECT * FROM system.processes", "SELECT * FROM system.parts", "SELECT * FROM system.`processes`", "SELECT * FROM SYSTEM.processes", "SELECT * FROM system.query_log",
		"SELECT * FROM system.server_settings", "SELECT * FROM system.environment_variables", "SELECT * FROM system.named_collections", "SELECT * FROM system.user_processes",
		"SELECT * FROM information_schema.tables", "SELECT * FROM INFORMATION_SCHEMA.COLUMNS", "SELECT * FROM system.stack_trace", "SELECT count() FROM system.data_skipping_indices",
		// Table functions.
		"SELECT * FROM file('" + path + "', 'LineAsString')", "SELECT * FROM FILE('" + path + "')", "SELECT * FROM `file`('" + path + "')", "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
		"SELECT * FROM remote('127.0.0.1', kipay.keys)", "SELECT * FROM remoteSecure('127.0.0.1', kipay.keys)", "SELECT * FROM s3('http://127.0.0.1:1/x')", "SELECT * FROM executable('id', 'TSV', 'a String')",
		"SELECT * FROM merge('kipay', '.*')", "SELECT * FROM merge(REGEXP('kipay'), '.*')", "SELECT * FROM cluster('default', kipay.keys)", "SELECT * FROM clusterAllReplicas('default', kipay.keys)",
		"SELECT * FROM view(SELECT 1)", "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))", "SELECT * FROM viewIfPermitted(SELECT 1 ELSE null('a UInt8'))", "SELECT * FROM loop(kipay.keys) LIMIT 1",
		"SELECT * FROM eval('SELECT 1')", "SELECT * FROM filesystem('/etc')", "SELECT * FROM fuzzQuery('SELECT 1')", "SELECT * FROM mergeTreeIndex(kipay, keys)", "SELECT * FROM mergeTreeProjection(kipay, keys, x)",
		"SELECT * FROM dictionary('kipay.keys')", "SELECT * FROM input('a String')", "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')", "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
		"SELECT * FROM sqlite('" + path + "', 't')", "SELECT * FROM hdfs('hdfs://127.0.0.1:1/x')", "SELECT * FROM redis('127.0.0.1:1', 'k', 'k String')", "SELECT * FROM format(CSV, '1')",
		"SELECT * FROM generateRandom('a String') LIMIT 1", "SELECT * FROM iceberg('x')", "SELECT * FROM deltaLake('x')", "SELECT * FROM timeSeriesData(kipay.keys)", "SELECT * FROM odbc('DSN=x', 't')",
		"SELECT * FROM arrowstream('x')", "SELECT * FROM Python('x')", "DESCRIBE TABLE file('" + path + "', 'CSV')", "DESCRIBE url('http://127.0.0.1:1/', 'CSV')",
		// Functions, however they are called.
		"SELECT file('" + path + "')", "SELECT FILE('" + path + "')", "SELECT `file`('" + path + "')", "SELECT fi\\le('" + path + "')", "SELECT * APPLY(file) FROM (SELECT '" + path + "' AS p)",
		"SELECT * APPLY file FROM (SELECT '" + path + "' AS p)", "SELECT COLUMNS('p') APPLY(x -> file(x)) FROM (SELECT '" + path + "' AS p)", "SELECT * APPLY(toString) FROM payments",
		"SELECT arrayMap(file, ['" + path + "'])", "SELECT arrayMap(`file`, ['" + path + "'])", "SELECT arrayMap(\"file\", ['" + path + "'])", "SELECT arrayFold(file, ['" + path + "'], '')",
		"WITH file AS f SELECT arrayMap(f, ['" + path + "'])", "WITH x -> file(x) AS f SELECT f('" + path + "')", "SELECT 1 AS x$a$, file('" + path + "'), 2 AS y$a$", "SELECT $x$a$x$, file('" + path + "')",
		"SELECT dictGet('kipay.keys', 'secret', 1)", "SELECT joinGet(kipay.keys, 'secret', 1)", "SELECT joinGet('kipay.keys', 'secret', 1)", "SELECT hasColumnInTable('kipay', 'keys', 'secret')",
		"SELECT hostName()", "SELECT fqdn()", "SELECT getSetting('readonly')", "SELECT getSettingOrDefault('readonly', 1)", "SELECT getServerSetting('path')", "SELECT getMergeTreeSetting('index_granularity')",
		"SELECT getMacro('shard')", "SELECT serverUUID()", "SELECT uptime()", "SELECT sleep(1)", "SELECT sleepEachRow(1) FROM numbers(3)", "SELECT filesystemAvailable()", "SELECT getOSKernelVersion()",
		"SELECT currentProfiles()", "SELECT queryID()", "SELECT initialQueryID()", "SELECT tid()", "SELECT logTrace('x')", "SELECT addressToLine(1)", "SELECT catboostEvaluate('" + path + "', 1)",
		"SELECT aiGenerate('x')", "SELECT showCertificate()", "SELECT getClientHTTPHeader('x-kipay-grant')", "SELECT formatRow('Template', 1)", "SELECT globalVariable('version')", "SELECT formatQuery('SELECT 1')",
		"SELECT regionToName(1)", "SELECT zookeeperSessionUptime()", "SELECT structureToProtobufSchema('a String')", "SELECT flameGraph(1)", "SELECT flameGraphIf(1, 1)", "SELECT no_such_function(1)",
		// Settings, which a subquery could change.
		"SELECT 1 SETTINGS readonly = 0", "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)", "SELECT * FROM (SELECT * FROM payments settings/**/max_result_rows = 0)",
		"SELECT * FROM (SELECT * FROM payments SETTINGS additional_table_filters = {})", "WITH x AS (SELECT 1 SETTINGS max_execution_time = 0) SELECT * FROM x",
		"(SELECT 1 SETTINGS readonly = 0) UNION ALL SELECT 1", "SELECT (SELECT 1 SETTINGS max_memory_usage = 0)", "EXPLAIN SELECT 1 SETTINGS readonly = 0", "DESCRIBE (SELECT 1 SETTINGS readonly = 0)",
		"DESCRIBE TABLE payments SETTINGS readonly = 0",
		// What changes anything, and what is more than one statement.
		"INSERT INTO kipay_analytics.payments VALUES (1)", "INSERT INTO kipay.keys SELECT 2, 'x'", "DROP TABLE kipay.keys", "TRUNCATE TABLE kipay.keys", "ALTER TABLE kipay.keys DELETE WHERE 1",
		"CREATE TABLE kipay_analytics.x (a Int8) ENGINE = Memory", "CREATE TEMPORARY TABLE x AS SELECT * FROM kipay.keys", "CREATE VIEW kipay_analytics.x AS SELECT * FROM kipay.keys", "CREATE FUNCTION f AS x -> x",
		"SET readonly = 0", "USE kipay", "KILL QUERY WHERE 1", "KILL MUTATION WHERE 1", "SYSTEM FLUSH LOGS", "SYSTEM SHUTDOWN", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE kipay.keys", "BACKUP DATABASE kipay TO File('x')",
		"SELECT 1 INTO OUTFILE '" + path + "'", "SELECT * FROM payments INTO OUTFILE '" + path + "' TRUNCATE", "INSERT INTO FUNCTION file('" + path + "') SELECT 1", "GRANT ALL ON *.* TO default", "OPTIMIZE TABLE kipay.keys",
		"ATTACH TABLE x", "DETACH TABLE kipay.keys", "RENAME TABLE kipay.keys TO kipay.k", "EXCHANGE TABLES kipay.keys AND kipay.payments_g1", "BEGIN TRANSACTION", "SELECT 1 PARALLEL WITH SELECT 2",
		"DELETE FROM kipay.keys WHERE 1", "UPDATE kipay.keys SET secret = '' WHERE 1", "CREATE USER x", "WATCH kipay.keys", "COPY kipay.keys TO 'x'", "EXECUTE AS x SELECT 1", "PREPARE x", "help",
		// Formats that reach further than the answer, or that break the engine.
		"SELECT 1 FORMAT Template", "SELECT 1 FORMAT CapnProto", "SELECT 1 FORMAT Protobuf", "SELECT 1 FORMAT MySQLWire", "SELECT 1 FORMAT PostgreSQLWire", "SELECT 1 FORMAT ArrowStream", "SELECT 1 FORMAT Arrow",
		"SELECT 1 FORMAT `XML`", "SELECT 1 FORMAT ODBCDriver2", "SELECT 1 FORMAT NoSuchFormat",
		// Names that are made to mislead.
		"SELECT * FROM payments AS `system.tables`", "SELECT `a\nTableIdentifier kipay.keys` FROM payments", "SELECT 1 AS `a\\nb`", "SELECT * FROM `payments\n TableIdentifier x`.keys",
		"SELECT * FROM `kipay`.`keys (alias x)`", "SELECT * FROM kipay.keys AS `x) (children 1)`", "EXPLAIN AST optimize = 1 SELECT * FROM kipay.keys", "optimize = 1 SELECT 1", "graph = 1 SELECT 1",
		"", " ; ", "SELEC 1", "SELECT '", "SELECT (((((", "\x00", "SELECT 1 \x00 FROM kipay.keys", "SELECT \xff\xfe", "/*", "--",
	} {
		got := a.with(values("param_t", "keys", "param_d", "kipay", "param_kt", "kipay.keys", "param_f", "file"), sql)
		if got.status == 200 || got.code == "" || strings.Contains(got.body, "the secret") || strings.Contains(got.body, "wanjiku") {
			t.Errorf("%s: %+v", sql, got)
		}
	}
	for name, value := range map[string]string{
		"readonly_": "0", "max_result_rows": "0", "max_rows_to_read": "0", "max_memory_usage": "0", "allow_ddl": "1", "additional_table_filters": "{}", "format_schema": path, "output_format_schema": path,
		"allow_experimental_eval_table_function": "1", "format_template_row": path, "max_threads": "64", "no_such_setting": "1", "log_comment_": "x", "SQL_x": "1", "max_block_size": "1000000000",
		"max_execution_time": "NaN", "default_format": "Arrow", "database": "kipay", "session_timezone": "nowhere/at/all",
	} {
		if got := a.with(values(name, value), "SELECT 1"); got.status == 200 || got.code == "" {
			t.Errorf("%s=%s: %+v", name, value, got)
		}
	}
	for name, value := range map[string]string{"readonly": "0", "max_execution_time": "0", "log_comment": "kipay-read-0"} {
		if got := a.with(values(name, value), "SELECT value FROM system.settings WHERE name = 'readonly'"); got != (reply{200, "", "1\n"}) {
			t.Errorf("%s=%s: %+v", name, value, got)
		}
	}
	if got := a.ask("SELECT count() FROM payments"); got != (reply{200, "", "20000\n"}) {
		t.Errorf("afterwards: %+v", got)
	}
}

func TestARequestWithoutAGrantIsRefused(t *testing.T) {
	s := analystEngine(t)
	for name, header := range map[string]string{
		"none": "", "no JSON": "x", "no database": `{"max_seconds":1,"max_rows_to_read":1,"max_result_rows":1,"max_result_bytes":1}`, "no limits": `{"databases":["kipay_analytics"]}`,
		"a name that needs quotes": `{"databases":["a'b"],"max_seconds":1,"max_rows_to_read":1,"max_result_rows":1,"max_result_bytes":1}`,
		"the engine's own":         `{"databases":["system"],"max_seconds":1,"max_rows_to_read":1,"max_result_rows":1,"max_result_bytes":1}`,
	} {
		request, err := http.NewRequestWithContext(within(t), "POST", "http://"+socketHost+AnalystPath, strings.NewReader("SELECT 1"))
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			request.Header.Set(GrantHeader, header)
		}
		response, err := call(t, s).web.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 500 || response.Header.Get("X-ClickHouse-Exception-Code") != "497" {
			t.Errorf("%s: %d", name, response.StatusCode)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPersonalViewsAreForWhoMayReadThem(t *testing.T) {
	s := analystEngine(t)
	may := asAnalyst(t, s, grantOf("kipay_analytics", "kipay_analytics_personal"))
	for sql, want := range map[string]string{
		"SELECT email FROM payments WHERE id = 7":                                                               "***\n",
		"SELECT email FROM kipay_analytics_personal.payments WHERE id = 7":                                      "wanjiku7@example.com\n",
		"SELECT p.email FROM payments AS m JOIN kipay_analytics_personal.payments AS p USING (id) WHERE id = 7": "wanjiku7@example.com\n",
	} {
		if got := may.ask(sql); got != (reply{200, "", want}) {
			t.Errorf("%s: %+v", sql, got)
		}
	}
	if got := may.with(values("database", "kipay_analytics_personal"), "SELECT email FROM payments WHERE id = 7"); got != (reply{200, "", "wanjiku7@example.com\n"}) {
		t.Errorf("%+v", got)
	}
	response, err := may.open(within(t), nil, "SELECT p.email FROM payments AS m JOIN kipay_analytics_personal.payments AS p USING (id)")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("kipay_analytics.payments,kipay_analytics_personal.payments", response.Header.Get(TablesHeader)); diff != "" {
		t.Error(diff)
	}
	n, err := io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	rows := response.Header.Get(RowsTrailer) + response.Trailer.Get(RowsTrailer)
	if rows != "20000" {
		t.Errorf("%q rows in %d bytes", rows, n)
	}
}

// The engine's analyser looks at no limit of time.
func TestStatementsThatExplodeAreStopped(t *testing.T) {
	s := analystEngine(t)
	a := asAnalyst(t, s, grantOf("kipay_analytics"))
	a.grant.MaxSeconds = 5
	nested := func(levels int, inner string) string {
		for range levels {
			inner = "SELECT *, *, *, *, *, *, *, *, *, * FROM (" + inner + ")"
		}
		return inner
	}
	doubled := "WITH c0 AS (SELECT 1 AS a)"
	for i := range 24 {
		doubled += ", c" + strconv.Itoa(i+1) + " AS (SELECT * FROM c" + strconv.Itoa(i) + " AS x, c" + strconv.Itoa(i) + " AS y)"
	}
	long := strings.Repeat("n", 100_000)
	joined := "SELECT count() FROM numbers(10) AS a"
	for i := range 60 {
		joined += " CROSS JOIN numbers(10) AS a" + strconv.Itoa(i)
	}
	for name, sql := range map[string]string{
		"stars": "DESCRIBE (" + nested(5, "SELECT 1 AS a") + ")", "long names": "DESCRIBE (" + nested(4, "SELECT 1 AS "+long) + ")", "long texts": nested(3, "SELECT '"+long+"'"),
		"tables": doubled + " SELECT * FROM c24", "rows": strings.ReplaceAll(strings.ReplaceAll(doubled, " AS x, ", " UNION ALL SELECT * FROM "), " AS y", "") + " SELECT * FROM c24", "joins": joined,
		"brackets": "SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000), "calls": "SELECT " + strings.Repeat("abs(", 900) + "1" + strings.Repeat(")", 900),
		"a sum": "SELECT 1" + strings.Repeat("+1", 60_000), "a list": "SELECT 1 IN (1" + strings.Repeat(",1", 60_000) + ")", "a text": "SELECT '" + strings.Repeat("x", 300_000) + "'",
		"a power": "SELECT arrayFold((a, x) -> concat(a, a), range(60), 'x')", "a pattern": "SELECT multiMatchAny('" + strings.Repeat("a", 1000) + "', ['(a{1,1000}){1,1000}'])",
	} {
		began := time.Now()
		if got := a.ask(sql); got.status == 200 {
			t.Errorf("%s: answered with %d bytes", name, len(got.body))
		}
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("%s: refused after %s", name, took)
		}
	}
	if got := a.ask("SELECT count() FROM payments"); got.body != "20000\n" || s.Restarts() != 0 {
		t.Errorf("afterwards: %+v, %d restarts", got, s.Restarts())
	}
	for _, sql := range []string{
		"SELECT * FROM payments AS a JOIN payments AS b ON a.id = b.id JOIN payments AS c ON a.id = c.id LIMIT 1", "SELECT a.*, b.* FROM payments AS a JOIN payments AS b USING (id) LIMIT 1",
		"WITH a AS (SELECT * FROM payments), b AS (SELECT * FROM a), c AS (SELECT * FROM b WHERE id > 1) SELECT * FROM c LIMIT 1",
		"SELECT * FROM (SELECT a.*, b.* FROM payments AS a, payments AS b LIMIT 1" + strings.Repeat(" UNION ALL SELECT a.*, b.* FROM payments AS a, payments AS b LIMIT 1", 15) + ") LIMIT 1",
	} {
		if got := a.ask(sql); got.status != 200 {
			t.Errorf("%s: %+v", sql, got)
		}
	}
}

// What a new version of the engine brings has to be looked at before analysts get it.
func TestTheEngineIsTheOneThatTheRulesWereMadeFor(t *testing.T) {
	s := analystEngine(t)
	conn := open(t, s)
	kinds := one[[]string](t, conn, "SELECT arraySort(groupUniqArray(categories)) FROM system.functions")
	if diff := cmp.Diff([]string{
		"", "AI", "Aggregate Functions", "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times", "Dictionary", "Distance", "Embedded Dictionary", "Encoding", "Encryption",
		"Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "Internal", "Introspection", "JSON", "Logical", "Machine Learning", "Map", "Mathematical", "Null", "NumericIndexedVector", "Other", "QBit",
		"Random Number", "Rounding", "String", "String Replacement", "String Search", "String Splitting", "Time Series", "Time Window", "Tuple", "Type Conversion", "URL", "UUID",
	}, kinds); diff != "" {
		t.Errorf("kinds of functions (-looked at +there):\n%s", diff)
	}
	// The engine takes no notice of a setting that it does not know.
	known := one[[]string](t, conn, "SELECT groupArray(name) FROM system.settings")
	grant := grantOf("kipay_analytics")
	grant.MerchantID = 1
	for _, list := range []map[string]string{analystReading(1), analystRunning(1), limits(grant, nil)} {
		for name := range list {
			if !slices.Contains(known, name) {
				t.Errorf("there is no setting %s", name)
			}
		}
	}
	for _, name := range analystSettings {
		if !slices.Contains(known, name) {
			t.Errorf("there is no setting %s", name)
		}
	}
}
