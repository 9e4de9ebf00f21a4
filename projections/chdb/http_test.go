package chdb

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// caller speaks HTTP to a child as analysts' tools do.
type caller struct {
	t   testing.TB
	web *http.Client
}

func call(t testing.TB, s *Supervisor) *caller {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.DialContext(ctx, "") }}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t, &http.Client{Transport: transport}}
}

type reply struct {
	status int
	code   string // of the exception
	body   string
}

func (c *caller) do(method string, query url.Values, body io.Reader, header http.Header) (reply, error) {
	request, err := http.NewRequestWithContext(within(c.t), method, "http://"+socketHost+"/?"+query.Encode(), body)
	if err != nil {
		return reply{}, err
	}
	for name := range header {
		request.Header.Set(name, header.Get(name))
	}
	response, err := c.web.Do(request)
	if err != nil {
		return reply{}, err
	}
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header.Get("X-ClickHouse-Exception-Code"), string(text)}, errors.Join(err, response.Body.Close())
}

func (c *caller) must(method string, query url.Values, body string) reply {
	c.t.Helper()
	r, err := c.do(method, query, strings.NewReader(body), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func TestTheHTTPInterface(t *testing.T) {
	c := call(t, supervise(t, shortDir(t)))
	if r := c.must("POST", nil, "CREATE TABLE t (n Int64, s String) ENGINE = MergeTree ORDER BY n"); r.status != 200 {
		t.Fatal(r)
	}
	for _, step := range []struct {
		name, method string
		query        url.Values
		body         string
		want         reply
	}{
		{"a query in the URL", "GET", values("query", "SELECT 1 AS one FORMAT JSONEachRow"), "", reply{200, "", "{\"one\":1}\n"}},
		{"a query in the body", "POST", nil, "SELECT 1, 'a'", reply{200, "", "1\ta\n"}},
		{"a query in both", "POST", values("query", "SELECT 1"), "+ 1", reply{200, "", "2\n"}},
		{"a format in the URL", "POST", values("default_format", "CSV"), "SELECT 1, 'a'", reply{200, "", "1,\"a\"\n"}},
		{"a parameter", "POST", values("param_v", "it's"), "SELECT {v:String} FORMAT RawBLOB", reply{200, "", "it's"}},
		{"an answer as a whole", "POST", values("wait_end_of_query", "1"), "SELECT 3", reply{200, "", "3\n"}},
		{"values in the body", "POST", values("query", "INSERT INTO t VALUES"), "(1, 'a;b'), (2, 'c')", reply{200, "", ""}},
		{"rows in the body", "POST", values("query", "INSERT INTO t (s, n) FORMAT TSV"), "x\t3\ny\t4\n", reply{200, "", ""}},
		{"settings of an insert", "POST", values("query", "INSERT INTO t (n) SETTINGS max_insert_threads = 1 FORMAT TSV;"), "5\n", reply{200, "", ""}},
		{"an insert without data", "POST", values("query", "INSERT INTO t SELECT 6, 'FORMAT TSV'"), "", reply{200, "", ""}},
		{"all that was inserted", "POST", nil, "SELECT groupArray(n), groupArray(s) FROM (SELECT * FROM t ORDER BY n)", reply{200, "", "[1,2,3,4,5,6]\t['a;b','c','x','y','','FORMAT TSV']\n"}},
		{"GET changes nothing", "GET", values("query", "INSERT INTO t SELECT 7, ''"), "", reply{500, "164", "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)\n"}},
		{"readonly changes nothing", "POST", values("readonly", "1"), "DROP TABLE t", reply{500, "164", "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)\n"}},
		{"nothing", "POST", nil, " \n", reply{500, "62", "Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)\n"}},
		{"an own compression", "POST", values("compress", "1"), "SELECT 1", reply{500, "48", "Code: 48. DB::Exception: compress is not offered on this interface. (NOT_IMPLEMENTED)\n"}},
		{"a session", "POST", values("session_id", "x"), "SELECT 1", reply{500, "48", "Code: 48. DB::Exception: session_id is not offered on this interface. (NOT_IMPLEMENTED)\n"}},
		{"a database's name is a name", "POST", values("database", "a`; DROP TABLE kipay.t; --"), "SELECT 1", reply{500, "81", "Code: 81. DB::Exception: Database `a``; DROP TABLE kipay.t; --` does not exist. (UNKNOWN_DATABASE)\n"}},
	} {
		got := c.must(step.method, step.query, step.body)
		if step.want.code == "81" { // how the engine quotes a name is its own affair
			step.want.body = got.body
		}
		if got != step.want {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.want)
		}
	}
	if r := c.must("POST", nil, "SELECT count() FROM t"); r.body != "6\n" {
		t.Errorf("rows at the end: %+v", r)
	}
	if r := c.must("PUT", nil, "SELECT 1"); r.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %+v", r)
	}
}

func TestBodiesOfOtherKinds(t *testing.T) {
	c := call(t, supervise(t, shortDir(t)))
	if r := c.must("POST", nil, "CREATE TABLE t (n Int64) ENGINE = MergeTree ORDER BY n"); r.status != 200 {
		t.Fatal(r)
	}
	into := values("query", "INSERT INTO t FORMAT TSV")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := fmt.Fprint(w, "1\n2\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	half := zipped.Bytes()[:zipped.Len()/2]
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	if err := errors.Join(m.WriteField("query", "SELECT 1"), m.Close()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, header, value string
		body                io.Reader
		status              int
	}{
		{"gzip", "Content-Encoding", "gzip", bytes.NewReader(zipped.Bytes()), 200},
		{"half of gzip", "Content-Encoding", "gzip", bytes.NewReader(half), 500},
		{"no gzip", "Content-Encoding", "gzip", strings.NewReader("1\n"), 500},
		{"another compression", "Content-Encoding", "br", strings.NewReader("1\n"), 500},
		{"a form", "Content-Type", m.FormDataContentType(), &form, 500},
	} {
		got, err := c.do("POST", into, step.body, http.Header{step.header: {step.value}})
		if err != nil || got.status != step.status {
			t.Errorf("%s: %+v %v", step.name, got, err)
		}
	}
	if r := c.must("POST", nil, "SELECT groupArray(n) FROM t"); r.body != "[1,2]\n" {
		t.Errorf("%+v", r)
	}
}

// TestHalfAnInsertIsNotWritten breaks off an INSERT in the middle, within what is read ahead and beyond it.
func TestHalfAnInsertIsNotWritten(t *testing.T) {
	s := supervise(t, shortDir(t))
	c := call(t, s)
	if r := c.must("POST", nil, "CREATE TABLE t (n Int64) ENGINE = MergeTree ORDER BY n"); r.status != 200 {
		t.Fatal(r)
	}
	for _, rows := range []int{10, 2 * prefetch / 5} {
		broken := errors.New("the caller breaks off")
		reader, writer := io.Pipe()
		go func() {
			_, err := io.WriteString(writer, strings.Repeat("1234\n", rows))
			writer.CloseWithError(errors.Join(broken, err))
		}()
		if r, err := c.do("POST", values("query", "INSERT INTO t FORMAT TSV"), reader, nil); !errors.Is(err, broken) {
			t.Errorf("%d rows: %+v %v", rows, r, err)
		}
		// A later insert waits until a connection is free again, so the broken one is over by then.
		for range 3 {
			if r := c.must("POST", values("query", "INSERT INTO t FORMAT TSV"), "1\n"); r.status != 200 {
				t.Fatal(r)
			}
		}
	}
	if r := c.must("POST", nil, "SELECT count(), max(n) FROM t"); r.body != "6\t1\n" {
		t.Errorf("%+v", r)
	}
}

func TestACallerWhoLeavesStopsItsStatement(t *testing.T) {
	conn := engine(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- conn.Exec(ctx, endless) }()
	running := func() uint64 {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 5'")
	}
	eventually(t, "it runs", func() bool { return running() == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	eventually(t, "it is stopped in the engine", func() bool { return running() == 0 })
}

func TestACallerWhoTakesNothingLosesItsConnection(t *testing.T) {
	s := supervise(t, shortDir(t)) // its children have a StallTimeout of 5 s
	conn := open(t, s)
	patient := call(t, s)
	if r := patient.must("POST", nil, "SELECT 1"); r.status != 200 {
		t.Fatal(r)
	}
	socket, err := s.DialContext(within(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	sql := "SELECT number, 'stalled' FROM numbers(100000000000)"
	if _, err := fmt.Fprintf(socket, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(sql), sql); err != nil {
		t.Fatal(err)
	}
	running := func() uint64 {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%\\'stalled\\' FROM%' AND query NOT LIKE '%processes%'")
	}
	eventually(t, "it runs", func() bool { return running() == 1 })
	began := time.Now()
	eventually(t, "it is stopped", func() bool { return running() == 0 })
	t.Logf("stopped after %s", time.Since(began))
	// A connection that was idle for as long has done nothing wrong: its next answer comes, whatever it is.
	if r := patient.must("POST", nil, "SELECT * FROM nowhere"); r.code != "60" {
		t.Errorf("%+v", r)
	}
}

func TestLimitedSaysWhenItCuts(t *testing.T) {
	for size, ok := range map[int]bool{0: true, 9: true, 10: true, 11: false, 100: false} {
		text, err := io.ReadAll(&limited{from: strings.NewReader(strings.Repeat("x", size)), left: 10})
		if ok && (err != nil || len(text) != size) {
			t.Errorf("%d bytes: %d, %v", size, len(text), err)
		}
		var e *Error
		if !ok && !errors.As(err, &e) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
