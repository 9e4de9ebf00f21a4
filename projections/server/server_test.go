package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/projectionstest"
)

func TestMain(m *testing.M) { projectionstest.Main(m) }

func TestWhatADSNMeans(t *testing.T) {
	for _, c := range []struct {
		dsn  string
		addr []string
		tls  bool
	}{
		{"clickhouse://kipay:s%26cret@h1:9001,h2,h3:9003/kipay", []string{"h1:9001", "h2:9000", "h3:9003"}, false},
		{"clickhouse://h1,h2?secure=true", []string{"h1:9440", "h2:9440"}, true},
		{"http://kipay:secret@h1/", []string{"h1:8123"}, false},
		{"https://kipay:secret@h1,h2:443/kipay", []string{"h1:8443", "h2:443"}, true},
		{"https://h1?secure=true&max_open_conns=3", []string{"h1:8443"}, true},
		{"clickhouse://[::1]:9000,[::2]", []string{"[::1]:9000", "[::2]:9000"}, false},
	} {
		o, err := Options(Config{DSN: c.dsn})
		if err != nil {
			t.Errorf("%s: %v", c.dsn, err)
			continue
		}
		if diff := cmp.Diff(c.addr, o.Addr); diff != "" || (o.TLS != nil) != c.tls {
			t.Errorf("%s: TLS %v, hosts (-want +got):\n%s", c.dsn, o.TLS != nil, diff)
		}
		if o.ConnOpenStrategy != clickhouse.ConnOpenInOrder || o.Compression.Method != clickhouse.CompressionLZ4 || o.MaxOpenConns < 3 || o.DialTimeout != dialTimeout {
			t.Errorf("%s: %+v", c.dsn, o)
		}
	}
	o, err := Options(Config{DSN: "clickhouse://h1?insert_quorum=2&dial_timeout=1s&compress=none", Cluster: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if o.Settings["insert_quorum"] != 2 || o.Settings["select_sequential_consistency"] != 1 || o.DialTimeout != time.Second || o.Compression.Method != clickhouse.CompressionNone {
		t.Errorf("what the DSN says does not hold: %+v", o)
	}
}

func TestAWrongDSNIsRefusedAndNotQuoted(t *testing.T) {
	for _, dsn := range []string{
		"", "embedded", "clickhouse://", "mysql://u:topsecret@h1/kipay", "clickhouse://u:topsecret@/kipay", "clickhouse://u:topsecret@h1/default",
		"clickhouse://u:topse%zzcret@h1", "clickhouse://u:topsecret/more@h1:9000", "clickhouse://u:topsecret@h1:port", "http://u:topsecret@h1?secure=true",
		"clickhouse://u:topsecret@h1?dial_timeout=soon", "clickhouse://u:topsecret#x@h1",
	} {
		err := CheckDSN(dsn)
		if err == nil {
			t.Errorf("%q was taken", dsn)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", dsn, err)
		}
	}
	for name, ok := range map[string]bool{"kipay": true, "a-b_c.1": true, "": false, "a b": false, "a'b": false, "{cluster}": false} {
		if got := CheckCluster(name) == nil; got != ok {
			t.Errorf("cluster %q: taken %v", name, got)
		}
	}
}

// dsn is one of doors, tried in their order.
func dsn(scheme, query string, hosts ...string) string {
	return fmt.Sprintf("%s://%s@%s/kipay?%s", scheme, url.UserPassword(projectionstest.User, projectionstest.Password), strings.Join(hosts, ","), query)
}

// plain is for the embedded engine, which takes no compressed blocks.
const plain = "compress=none"

func open(t *testing.T, c Config) driver.Conn {
	t.Helper()
	o, err := Options(c)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// nowhere is an address that nobody listens on.
const nowhere = "127.0.0.1:1"

func TestOverTLSAsAUserWithFailover(t *testing.T) {
	e := projectionstest.NewEngine(t)
	install := projectionstest.NewInstall(t)
	first, second := e.OpenDoor(t, true), e.OpenDoor(t, true)
	c := Config{DSN: dsn("https", plain, nowhere, first.Addr, second.Addr), CAFile: first.CAFile}
	conn := open(t, c)
	p, err := projections.New(projections.Options{Conn: conn, Log: install.Log, Logger: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	reader := projections.NewReader(conn, p)
	for n := range 3 {
		if n == 2 {
			first.Close() // connections to it break, new ones go to the next host
		}
		_, at := install.Open(t, projectionstest.Payment{Merchant: 1})
		if err := p.WaitFor(projectionstest.Within(t), at); err != nil {
			t.Fatalf("%v: %v", err, p.Ready())
		}
		page, err := listed(t, reader)
		if err != nil || len(page.Rows) != n+1 {
			t.Fatalf("of %d payments %d are listed: %v", n+1, len(page.Rows), err)
		}
	}
}

// listed asks again while connections break that were open to a host which is gone.
func listed(t *testing.T, r *projections.Reader) (projections.TransactionPage, error) {
	t.Helper()
	ctx := projectionstest.Within(t)
	for {
		page, err := r.Transactions(ctx, projections.TransactionFilter{MerchantID: 1, Mode: "test", Zone: time.UTC, Limit: 20})
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "Post") {
			return page, err
		}
	}
}

func TestWhoIsNotTrustedIsNotTalkedTo(t *testing.T) {
	e := projectionstest.NewEngine(t)
	secure, open1 := e.OpenDoor(t, true), e.OpenDoor(t, false)
	ping := func(c Config) error {
		return open(t, c).Ping(projectionstest.Within(t))
	}
	if err := ping(Config{DSN: dsn("http", plain, open1.Addr)}); err != nil {
		t.Errorf("as the user, without TLS: %v", err)
	}
	if err := ping(Config{DSN: dsn("https", plain, secure.Addr)}); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("a certificate of nobody known: %v", err)
	}
	for _, c := range []Config{
		{DSN: "http://kipay:topsecret@" + open1.Addr + "?" + plain},
		{DSN: "https://kipay:topsecret@" + secure.Addr + "?" + plain, CAFile: secure.CAFile},
		{DSN: "http://kipay:topsecret@" + nowhere},
	} {
		err := ping(c)
		if err == nil {
			t.Error("a wrong password was taken")
		} else if strings.Contains(err.Error(), "topsecret") {
			t.Errorf("the password stands in an error: %v", err)
		}
	}
	if _, err := Options(Config{DSN: dsn("http", plain, open1.Addr), CAFile: secure.CAFile}); !errors.Is(err, ErrNeedsTLS) {
		t.Errorf("a CA file without TLS: %v", err)
	}
	if _, err := Options(Config{DSN: dsn("https", plain, secure.Addr), CAFile: "/nowhere/ca.pem"}); err == nil {
		t.Error("a CA file that is not there was taken")
	}
}

// Over the native protocol, on Debian's old server: it knows none of the settings that a projection relies on.
func TestNativeProtocolAsAUserWithFailover(t *testing.T) {
	addr := projectionstest.NewOldServer(t)
	connect := func(dsn string) driver.Conn {
		o, err := Options(Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		o.Settings = nil
		conn, err := clickhouse.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	conn := connect(dsn("clickhouse", "max_open_conns=2", nowhere, addr))
	group, ctx := errgroup.WithContext(projectionstest.Within(t))
	for n := range uint64(20) { // more than there are connections
		group.Go(func() error {
			var sum uint64
			if err := conn.QueryRow(ctx, "SELECT sum(number) FROM numbers(?)", 1000+n).Scan(&sum); err != nil {
				return err
			}
			if want := (1000 + n) * (999 + n) / 2; sum != want {
				return fmt.Errorf("the sum is %d, not %d", sum, want)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	err := connect("clickhouse://kipay:topsecret@" + addr).Ping(projectionstest.Within(t))
	if err == nil || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a wrong password: %v", err)
	}
}
