package analyst

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"github.com/benfex/kipay/projections/chdb"
)

func TestWaysToAsk(t *testing.T) {
	p := listen(t, nil)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(zip, "SELECT 5"); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		want               reply
	}{
		"a query in the body":             {"POST", "/", "SELECT 1, 'a'", nil, reply{200, "", "1\ta\n"}},
		"a query in the URL":              {"GET", inURL("query", "SELECT count() FROM payments"), "", nil, reply{200, "", "20000\n"}},
		"a query in both":                 {"POST", inURL("query", "SELECT 1"), "+ 1", nil, reply{200, "", "2\n"}},
		"a format in the URL":             {"POST", inURL("default_format", "JSONEachRow"), "SELECT 1 AS one", nil, reply{200, "", "{\"one\":1}\n"}},
		"a format in a header":            {"POST", "/", "SELECT 1 AS one", header("X-ClickHouse-Format", "CSVWithNames"), reply{200, "", "\"one\"\n1\n"}},
		"a format in the text":            {"POST", "/", "SELECT 1 AS one FORMAT TSVWithNames", nil, reply{200, "", "one\n1\n"}},
		"a parameter":                     {"POST", inURL("param_v", "x"), "SELECT {v:String}", nil, reply{200, "", "x\n"}},
		"a setting":                       {"POST", inURL("join_use_nulls", "1"), "SELECT b.n IS NULL FROM (SELECT 1 AS n) AS a LEFT JOIN (SELECT 2 AS n) AS b USING (n)", nil, reply{200, "", "1\n"}},
		"what older clients send":         {"POST", inURL("session_id", "x", "session_timeout", "60", "quota_key", "", "user", "default", "role", "x"), "SELECT 1", nil, reply{200, "", "1\n"}},
		"nothing found":                   {"POST", "/", "SELECT 1 WHERE 0", nil, reply{200, "", ""}},
		"gzip":                            {"POST", "/", zipped.String(), header("Content-Encoding", "gzip"), reply{200, "", "5\n"}},
		"the key in a header":             {"POST", "/", "SELECT 1", func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("X-ClickHouse-Key", tokenFinance) }, reply{200, "", "1\n"}},
		"a bearer token":                  {"POST", "/", "SELECT 1", header("Authorization", "Bearer "+tokenFinance), reply{200, "", "1\n"}},
		"is it there":                     {"GET", "/ping", "", header("Authorization", ""), reply{200, "", "Ok.\n"}},
		"the root":                        {"GET", "/", "", header("Authorization", ""), reply{200, "", "Ok.\n"}},
		"another database, not permitted": {"POST", inURL("database", "kipay_analytics_personal"), "SELECT 1", nil, reply{403, "497", ""}},
		"another database, permitted":     {"POST", inURL("database", "kipay_analytics_personal"), "SELECT email FROM payments WHERE id = 3", as(tokenPersonal), reply{200, "", "wanjiku3@example.com\n"}},
		"one merchant":                    {"POST", "/", "SELECT count(), uniq(merchant_id), any(merchant_id) FROM payments", as(tokenMerchant), reply{200, "", "10000\t1\t2\n"}},
		"no token":                        {"POST", "/", "SELECT 1", header("Authorization", ""), reply{401, "194", ""}},
		"an empty token":                  {"POST", "/", "SELECT 1", as(""), reply{401, "194", ""}},
		"a wrong token":                   {"POST", "/", "SELECT 1", as("kpa_wrong"), reply{403, "516", ""}},
		"an endless token":                {"POST", "/", "SELECT 1", as(strings.Repeat("x", 1000)), reply{403, "516", ""}},
		"a token that nobody can look up": {"POST", "/", "SELECT 1", as(tokenBroken), reply{503, "210", ""}},
		"a password in the URL":           {"POST", inURL("user", "x", "password", tokenFinance), "SELECT 1", nil, reply{401, "516", ""}},
		"a password in the URL alone":     {"GET", inURL("query", "SELECT 1", "password", ""), "", header("Authorization", ""), reply{401, "516", ""}},
		"what may not be read":            {"POST", "/", "SELECT * FROM kipay.payments_g1", nil, reply{403, "497", ""}},
		"what changes something":          {"POST", "/", "DROP TABLE kipay.payments_g1", nil, reply{403, "164", ""}},
		"a setting that lifts a limit":    {"POST", inURL("max_memory_usage", "0"), "SELECT 1", nil, reply{403, "164", ""}},
		"a function that is not offered":  {"POST", "/", "SELECT hostName()", nil, reply{403, "446", ""}},
		"a table that is not there":       {"POST", "/", "SELECT * FROM nothing", nil, reply{404, "60", ""}},
		"bad SQL":                         {"POST", "/", "SELEC 1", nil, reply{400, "62", ""}},
		"an empty statement":              {"POST", "/", " \n", nil, reply{400, "62", ""}},
		"a statement that is too long":    {"POST", "/", "SELECT '" + strings.Repeat("x", maxStatement) + "'", nil, reply{413, "168", ""}},
		"a long one in gzip":              {"POST", "/", bomb(t), header("Content-Encoding", "gzip"), reply{413, "168", ""}},
		"no gzip":                         {"POST", "/", "SELECT 1", header("Content-Encoding", "gzip"), reply{400, "36", ""}},
		"another packing":                 {"POST", "/", "SELECT 1", header("Content-Encoding", "br"), reply{501, "48", ""}},
		"ClickHouse's own packing":        {"POST", inURL("decompress", "1"), "SELECT 1", nil, reply{501, "48", ""}},
		"an unknown packing":              {"POST", inURL("compress", "1", "network_compression_method", "x"), "SELECT 1", nil, reply{400, "36", ""}},
		"external tables":                 {"POST", "/", "x", header("Content-Type", "multipart/form-data; boundary=x"), reply{501, "48", ""}},
		"another path":                    {"POST", "/play", "SELECT 1", nil, reply{404, "", ""}},
		"the child's path":                {"POST", "/analyst", "SELECT 1", header("X-Kipay-Grant", `{"databases":["kipay"],"max_seconds":1,"max_rows_to_read":1,"max_result_rows":1,"max_result_bytes":1}`), reply{404, "", ""}},
		"a grant of one's own":            {"POST", "/", "SELECT count() FROM kipay.payments_g1", header("X-Kipay-Grant", `{"databases":["kipay"],"max_seconds":1,"max_rows_to_read":1,"max_result_rows":1,"max_result_bytes":1}`), reply{403, "497", ""}},
		"another method":                  {"PUT", "/", "SELECT 1", nil, reply{405, "", ""}},
	} {
		got := p.do(step.method, step.path, step.body, step.change)
		if strings.Contains(got.body, tokenFinance) || got.status != 200 && got.code != "" && !strings.HasPrefix(got.body, "Code: "+got.code+". DB::Exception: ") {
			t.Errorf("%s: the words of the error: %+v", name, got)
		}
		if got.status != 200 {
			got.body = step.want.body
		}
		if got != step.want {
			t.Errorf("%s: %+v, want %+v", name, got, step.want)
		}
	}
	for _, secret := range []string{tokenFinance, tokenPersonal, tokenBroken, "kpa_wrong", "wanjiku3", "payments WHERE"} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("%q stands in the log", secret)
		}
	}
}

// bomb is a small body that unpacks to a large one.
func bomb(t testing.TB) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, "SELECT 1"+strings.Repeat(" ", 50<<20))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnswersArePackedAsTheClientAsks(t *testing.T) {
	p := listen(t, nil)
	const sql = "SELECT number, toString(number) FROM numbers(200000) FORMAT TSV"
	want := p.ask(sql).body
	if len(want) < 1<<20 {
		t.Fatalf("%d bytes are too few", len(want))
	}
	for name, step := range map[string]struct {
		query, accept, encoding string
		unpack                  func(io.Reader) (io.Reader, error)
	}{
		"plain":              {"", "gzip", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
		"gzip":               {"enable_http_compression=1", "br, gzip;q=1,  gzip", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		"deflate":            {"enable_http_compression=1", "deflate", "deflate", func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }},
		"zstd":               {"enable_http_compression=1", "gzip, zstd", "zstd", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
		"nothing we know":    {"enable_http_compression=1", "br", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
		"ClickHouse's LZ4":   {"compress=1", "", "", unblock},
		"ClickHouse's ZSTD":  {"compress=1&network_compression_method=ZSTD", "", "", unblock},
		"ClickHouse's plain": {"compress=1&network_compression_method=NONE", "", "", unblock},
	} {
		response, err := p.send(within(t), "POST", "/?"+step.query, sql, func(r *http.Request) { r.Header.Set("Accept-Encoding", step.accept) })
		if err != nil {
			t.Fatal(err)
		}
		plain, err := step.unpack(response.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(plain)
		if errors.Is(err, io.EOF) {
			err = nil // which the reader of blocks wraps
		}
		if err := errors.Join(err, response.Body.Close()); err != nil || string(got) != want || response.Header.Get("Content-Encoding") != step.encoding {
			t.Errorf("%s: %d bytes in %q, want %d: %v", name, len(got), response.Header.Get("Content-Encoding"), len(want), err)
		}
	}
	if got := p.do("POST", "/?compress=1", "SELECT 1 WHERE 0", nil); got != (reply{200, "", ""}) {
		t.Errorf("nothing, packed: %+v", got)
	}
	if got := p.do("POST", "/?compress=1", "SELECT 1 FROM nothing", nil); got.status != 404 || !strings.HasPrefix(got.body, "Code: 60") {
		t.Errorf("an error is not packed: %+v", got)
	}
}

func unblock(r io.Reader) (io.Reader, error) {
	reader := proto.NewReader(r)
	reader.EnableCompression()
	return reader, nil
}

func TestEveryStatementIsObserved(t *testing.T) {
	p := listen(t, nil)
	n := 0
	for _, step := range []struct {
		token, path, sql string
		want             Observation
	}{
		{tokenFinance, "/", "SELECT id FROM payments LIMIT 7", Observation{Analyst: Analyst{Name: "finance"}, Tables: []string{"kipay_analytics.payments"}, Rows: 7, Complete: true}},
		{tokenFinance, "/", "SELECT id FROM payments FORMAT JSON", Observation{Analyst: Analyst{Name: "finance"}, Tables: []string{"kipay_analytics.payments"}, Rows: 20_000, Complete: true}},
		{tokenFinance, "/", "SELECT number FROM numbers(200000)", Observation{Analyst: Analyst{Name: "finance"}, Rows: 200_000, Complete: true}},
		{tokenPersonal, "/", "SELECT count() FROM kipay_analytics_personal.payments", Observation{
			Analyst: Analyst{Name: "support", MayReadPersonal: true}, Tables: []string{"kipay_analytics_personal.payments"}, Personal: true, Rows: 1, Complete: true,
		}},
		{tokenFinance, "/", "SELECT email FROM kipay_analytics_personal.payments", Observation{Analyst: Analyst{Name: "finance"}, Code: 497, Denied: true}},
		{tokenMerchant, "/", "SELECT file('/etc/hostname')", Observation{Analyst: Analyst{Name: "merchant-2", MerchantID: 2}, Code: 446, Denied: true}},
		{tokenFinance, "/", "SELECT throwIf(id = 7) FROM payments", Observation{Analyst: Analyst{Name: "finance"}, Tables: []string{"kipay_analytics.payments"}, Code: 395}},
		{tokenFinance, "/", "SELECT number, throwIf(number = 5000000) FROM numbers(10000000)", Observation{Analyst: Analyst{Name: "finance"}, Code: 395}},
		{tokenFinance, "/?compress=1", "SELECT number, throwIf(number = 5000000) FROM numbers(10000000)", Observation{Analyst: Analyst{Name: "finance"}, Code: 395}},
		{tokenFinance, "/?decompress=1", "SELECT 1", Observation{Analyst: Analyst{Name: "finance"}, Code: 48}},
	} {
		body := p.do("POST", step.path, step.sql, as(step.token)).body
		n++
		got := p.audit.last(t, n)
		if step.want.Code == 0 && got.Bytes != uint64(len(body)) {
			t.Errorf("%s: %d bytes, want %d", step.sql, got.Bytes, len(body))
		}
		if step.want.Code != 0 && step.want.Code != 48 {
			step.want.Rows = got.Rows // as many as came before the error
		}
		if diff := cmp.Diff(step.want, got, cmpopts.IgnoreFields(Observation{}, "At", "Elapsed", "Bytes", "Statement", "From"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.sql, diff)
		}
		if got.Code != 48 && (len(got.Statement) != 32 || got.From != "127.0.0.1" || got.Statement != hash([]byte("a key of the tests"), step.sql)) || got.At.IsZero() {
			t.Errorf("%s: %+v", step.sql, got)
		}
	}
	p.do("POST", "/", "SELECT 1", as("kpa_wrong"))
	if got := p.audit.all(); len(got) != n {
		t.Errorf("a stranger was observed as somebody: %+v", got[n:])
	}
}

func TestAClientThatLeavesStopsItsStatement(t *testing.T) {
	p := listen(t, func(o *Options) {
		o.Limits.RowsToRead, o.Limits.ResultRows, o.Limits.ResultBytes, o.Limits.Time = 1e15, 1e15, 1e15, time.Minute
	})
	running := func() bool {
		return p.own("SELECT count() FROM system.processes WHERE query LIKE '%\\'leaves\\'%' AND query NOT LIKE '%processes%'") != "0\n"
	}
	for name, sql := range map[string]string{
		"while it thinks": "SELECT count(), 'leaves' FROM numbers(1000000000000) WHERE sipHash64(number) = 5",
		"while it talks":  "SELECT number, 'leaves' FROM numbers(1000000000000)",
	} {
		ctx, cancel := context.WithCancel(within(t))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			response, err := p.send(ctx, "POST", "/", sql, nil)
			if err == nil {
				_, _ = io.Copy(io.Discard, response.Body) // until it is told to leave
				_ = response.Body.Close()
			}
		}()
		eventually(t, name+": it runs", running)
		cancel()
		<-ended
		eventually(t, name+": it is stopped in the engine", func() bool { return !running() })
	}
	for _, o := range p.audit.all() {
		if o.Code != codeCancelled || o.Complete {
			t.Errorf("%+v", o)
		}
	}
	p.audit.last(t, 2)
}

func TestAClientThatTakesNothingIsLetGo(t *testing.T) {
	p := listen(t, func(o *Options) { o.StallTimeout = time.Second })
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const sql = "SELECT number FROM numbers(8000000)"
	if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nX-ClickHouse-Key: %s\r\nContent-Length: %d\r\n\r\n%s", tokenFinance, len(sql), sql); err != nil {
		t.Fatal(err)
	}
	if o := p.audit.last(t, 1); o.Complete || o.Code != codeCancelled {
		t.Errorf("%+v", o)
	}
}

func TestTheEngineCrashesAndComesBack(t *testing.T) {
	p := listen(t, func(o *Options) { o.Limits.RowsToRead, o.Limits.ResultRows, o.Limits.ResultBytes = 1e15, 1e15, 1e15 })
	response, err := p.send(within(t), "POST", "/", "SELECT number FROM numbers(1000000000000)", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, response.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	// Stopped, so that the next child waits for the folder until the test has looked.
	pid := p.super.PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Errorf("an answer that was cut looks whole, after %d more bytes", n)
	}
	_ = response.Body.Close()
	if o := p.audit.last(t, 1); o.Code != codeNetworkError || o.Complete {
		t.Errorf("%+v", o)
	}
	away := false
	eventually(t, "it answers again", func() bool {
		switch got := p.ask("SELECT count() FROM payments"); got.status {
		case 503:
			away = away || got.code == "210" && strings.Contains(got.body, "NETWORK_ERROR")
			return false
		case 200:
			return got.body == "20000\n"
		default:
			t.Fatalf("%+v", got)
			return true
		}
	})
	if !away || p.super.Restarts() != 1 {
		t.Errorf("away: %t, %d restarts", away, p.super.Restarts())
	}
}

func TestATokenHasItsTurns(t *testing.T) {
	p := listen(t, func(o *Options) {
		o.Limits.Concurrent, o.Limits.Queue, o.Limits.RowsToRead, o.Limits.Time = 1, 1, 1e15, time.Minute
	})
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	running := func() string {
		return p.own("SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number, 7)%' AND query NOT LIKE '%processes%'")
	}
	ended := make(chan error, 2)
	for range 2 { // one runs, one waits
		go func() {
			response, err := p.send(ctx, "POST", "/", "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number, 7) = 5", nil)
			if err == nil {
				err = response.Body.Close()
			}
			ended <- err
		}()
	}
	users := func() int {
		p.served.turns.mu.Lock()
		defer p.served.turns.mu.Unlock()
		if l := p.served.turns.lanes[keyOf(tokenFinance)]; l != nil {
			return l.users
		}
		return 0
	}
	eventually(t, "one runs and one waits", func() bool { return users() == 2 && running() == "1\n" })
	if got := p.do("POST", "/", "SELECT 1", nil); got.status != http.StatusTooManyRequests || got.code != "202" {
		t.Errorf("a third: %+v", got)
	}
	if got := p.do("POST", "/", "SELECT 1", as(tokenPersonal)); got != (reply{200, "", "1\n"}) {
		t.Errorf("another token waits as well: %+v", got)
	}
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	eventually(t, "there is room again", func() bool { return users() == 0 })
	if got := p.ask("SELECT 1"); got.status != 200 {
		t.Errorf("%+v", got)
	}
}

func TestHowOftenATokenMayAskAndAStrangerMayTry(t *testing.T) {
	p := listen(t, func(o *Options) {
		o.Limits.PerMinute = 3
		o.Now = func() time.Time { return time.Unix(1_800_000_000, 0) }
	})
	for i := range 5 {
		want := reply{200, "", "1\n"}
		if i >= 3 {
			want = reply{429, "201", "Code: 201. DB::Exception: this token may ask 3 statements a minute. (QUOTA_EXCEEDED)\n"}
		}
		if got := p.ask("SELECT 1"); got != want {
			t.Errorf("%d: %+v", i, got)
		}
	}
	for i := range failuresPerMinute {
		if got := p.do("POST", "/", "SELECT 1", as(fmt.Sprintf("kpa_guess_%d", i))); got.status != 403 {
			t.Errorf("%d: %+v", i, got)
		}
	}
	for _, token := range []string{"kpa_guess", tokenPersonal} { // also when it guesses right
		if got := p.do("POST", "/", "SELECT 1", as(token)); got.status != 429 {
			t.Errorf("%+v", got)
		}
	}
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal(err)
	}
	p := listen(t, nil)
	for _, step := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"--user", "me:" + tokenFinance, "--data-binary", "SELECT count() FROM payments", p.url}, "20000\n"},
		{[]string{"-H", "X-ClickHouse-Key: " + tokenFinance, p.url + "?query=SELECT%201"}, "1\n"},
		{[]string{"--user", "me:" + tokenFinance, "--get", "--data-urlencode", "query=SELECT max(id) AS id FROM payments FORMAT JSONEachRow", p.url}, "{\"id\":19999}\n"},
		{[]string{"--compressed", "--user", "me:" + tokenFinance, "--data-binary", "SELECT sum(number) FROM numbers(1000)", p.url + "?enable_http_compression=1"}, "499500\n"},
		{[]string{"--fail", "--user", "me:wrong", "--data-binary", "SELECT 1", p.url}, ""},
	} {
		out, err := exec.CommandContext(within(t), curl, append([]string{"--silent", "--show-error", "--noproxy", "*"}, step.arguments...)...).Output()
		if string(out) != step.want || (err != nil) != (step.want == "") {
			t.Errorf("%q: %q %v", step.arguments, out, err)
		}
	}
}

func TestOptionsThatCannotWorkAreFoundAtStart(t *testing.T) {
	good := Options{Engine: &noEngine{}, Authenticate: authenticate, Database: "kipay_analytics"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no engine": func(o *Options) { o.Engine = nil }, "nobody to ask about tokens": func(o *Options) { o.Authenticate = nil }, "no database": func(o *Options) { o.Database = "" },
		"a database that cannot be granted": func(o *Options) { o.Database = "system" }, "another": func(o *Options) { o.PersonalDatabase = "a'b" }, "a day": func(o *Options) { o.Limits.Time = 24 * time.Hour },
	} {
		options := good
		change(&options)
		if _, err := New(options); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

type noEngine struct{}

func (*noEngine) DialContext(context.Context, string) (net.Conn, error) { return nil, chdb.ErrNotReady }
func (*noEngine) Ready() bool                                           { return false }
