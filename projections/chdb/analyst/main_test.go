package analyst

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/projections/chdb"
)

// roleChild makes the test binary play the child that serves the engine.
const roleChild = "role-child"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == roleChild {
		os.Exit(playChild(os.Args[2]))
	}
	if _, err := chdb.LibraryPath(""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // a failure and not a skip: these tests mean nothing without the engine
	}
	os.Exit(m.Run())
}

func playChild(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := chdb.Serve(ctx, chdb.Options{
		Dir: dir, Socket: filepath.Join(dir, "s"), MaxMemoryBytes: 600 << 20, Parent: chdb.ParentPipe(), StallTimeout: 5 * time.Second,
		StopTimeout: 5 * time.Second, Log: zerolog.New(os.Stderr),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := within(t)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// The tokens of the tests, and whose they are. No person is meant.
const (
	tokenFinance  = "kpa_test_finance"
	tokenPersonal = "kpa_test_personal"
	tokenMerchant = "kpa_test_merchant"
	tokenBroken   = "kpa_test_nobody_can_say"
)

func authenticate(_ context.Context, token string) (Analyst, error) {
	switch token {
	case tokenFinance:
		return Analyst{Name: "finance"}, nil
	case tokenPersonal:
		return Analyst{Name: "support", MayReadPersonal: true}, nil
	case tokenMerchant:
		return Analyst{Name: "merchant-2", MerchantID: 2}, nil
	case tokenBroken:
		return Analyst{}, errors.New("the store is away")
	}
	return Analyst{}, fmt.Errorf("look up: %w", ErrUnknownToken)
}

// audit remembers what it was told.
type audit struct {
	mu   sync.Mutex
	seen []Observation
}

func (a *audit) observe(_ context.Context, o Observation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, o)
}

func (a *audit) all() []Observation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Observation(nil), a.seen...)
}

// last waits until n statements were observed, and gives the last.
func (a *audit) last(t testing.TB, n int) Observation {
	t.Helper()
	eventually(t, fmt.Sprintf("%d observations", n), func() bool { return len(a.all()) >= n })
	return a.all()[n-1]
}

// schema is an install of two merchants: a table that nobody but views may read, and the views of both kinds.
var schema = []string{
	"CREATE DATABASE kipay_analytics",
	"CREATE DATABASE kipay_analytics_personal",
	"CREATE TABLE payments_g1 (merchant_id Int64, id Int64, email String, amount Int64, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY (merchant_id, id)",
	"INSERT INTO payments_g1 SELECT number % 2 + 1, number, concat('wanjiku', toString(number), '@example.com'), number * 100, 1 FROM numbers(20000)",
	"CREATE VIEW kipay_analytics.payments AS SELECT merchant_id, id, '***' AS email, amount FROM kipay.payments_g1 FINAL",
	"CREATE VIEW kipay_analytics_personal.payments AS SELECT merchant_id, id, email, amount FROM kipay.payments_g1 FINAL",
}

// port is a whole install: the child, its supervisor, and the analysts' port on an address of its own.
type port struct {
	t       testing.TB
	url     string
	address string
	super   *chdb.Supervisor
	audit   *audit
	log     *logBuffer
	web     *http.Client
	served  *Port
}

type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func listen(t testing.TB, change func(*Options)) *port {
	t.Helper()
	dir, err := os.MkdirTemp("", "analyst")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{}
	p := &port{t: t, audit: &audit{}, log: &logBuffer{}, web: &http.Client{Transport: transport}}
	p.super, err = chdb.Start(context.Background(), chdb.SupervisorOptions{
		Command: func() *exec.Cmd { return exec.Command(os.Args[0], roleChild, dir) }, Socket: filepath.Join(dir, "s"),
		Log: zerolog.New(p.log), PingInterval: 100 * time.Millisecond, PingTimeout: time.Second, PingFailures: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.super.Close(ctx); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(p.log)
		}
	})
	if err := p.super.WaitReady(within(t)); err != nil {
		t.Fatal(err)
	}
	for _, sql := range schema {
		p.own(sql)
	}
	options := Options{
		Engine: p.super, Authenticate: authenticate, Observe: p.audit.observe, Database: "kipay_analytics", PersonalDatabase: "kipay_analytics_personal",
		HashKey: []byte("a key of the tests"), StallTimeout: 5 * time.Second, Log: zerolog.New(p.log),
	}
	if change != nil {
		change(&options)
	}
	if p.served, err = New(options); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = listener.Addr().String()
	p.url = "http://" + p.address + "/"
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.served.Serve(ctx, listener) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// own runs a statement as the install itself does, and gives the answer.
func (p *port) own(sql string) string {
	p.t.Helper()
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return p.super.DialContext(ctx, "") }}}
	request, err := http.NewRequestWithContext(within(p.t), "POST", "http://child/", strings.NewReader(sql))
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := web.Do(request)
	if err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != 200 {
		p.t.Fatalf("%s: %v %s", sql, err, text)
	}
	return string(text)
}

type reply struct {
	status int
	code   string // of the exception
	body   string
}

// send sends a request and gives the answer with its body open.
func (p *port) send(ctx context.Context, method, path, body string, change func(*http.Request)) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.url, "/")+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth("anybody", tokenFinance)
	if change != nil {
		change(request)
	}
	return p.web.Do(request)
}

func (p *port) do(method, path, body string, change func(*http.Request)) reply {
	p.t.Helper()
	response, err := p.send(within(p.t), method, path, body, change)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		p.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header.Get("X-ClickHouse-Exception-Code"), string(text)}
}

func (p *port) ask(sql string) reply {
	p.t.Helper()
	return p.do("POST", "/", sql, nil)
}

func as(token string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth("anybody", token) }
}

func inURL(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return "/?" + v.Encode()
}
