package main_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/domain/analyst"
)

// asks sends a statement to the analysts' port.
func asks(t *testing.T, addr, token, sql string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("me", token)
	return send(t.Context(), http.MethodPost, "http://"+addr+"/", sql, "Authorization", req.Header.Get("Authorization"))
}

func TestAnalystsAskTheViewsAndNothingElse(t *testing.T) {
	t.Parallel()
	addr := freeAddr()
	in := newInstance(t, t.TempDir(), quick(settings{"ANALYST_ADDR": addr}))
	in.start(t)
	t.Cleanup(in.stop)
	in.awaitReady(t)
	m := newShop(t, in)
	m.post("/api/customers/create", `{"email":"planted@example.com","first_name":"Planted"}`).want(t, 201, nil)
	ref := m.push(t, phone(), "640")
	m.settles(t, ref, "completed", 15*time.Second)
	m.get("/api/ledger/entries").want(t, 200, nil) // the tables that keep every event have it
	m.get("/api/customers/list").want(t, 200, shape{"total": "=1"})
	token := func(args ...string) string {
		return reply{raw: in.cli(t, append([]string{"analyst", "issue", "--json", "--name"}, args...)...)}.text("token")
	}
	masked, personal, other := token("grafana"), token("finance", "--personal", "--merchant", m.id), token("other", "--merchant", "1")

	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "analytics.md"))
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("(?s)```sql\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(queries) < 20 {
		t.Errorf("docs/analytics.md has %d queries", len(queries))
	}
	for _, q := range queries {
		for _, who := range []string{masked, personal} {
			if r := asks(t, addr, who, q[1]); r.status != 200 {
				t.Errorf("%s\n%v", q[1], r)
			}
		}
	}
	eventually(t, 15*time.Second, "the payment is there", func() error {
		r := asks(t, addr, masked, "SELECT reference, received_minor FROM transactions WHERE status = 'completed' FORMAT JSONEachRow")
		if !strings.Contains(r.raw, ref) {
			return errString(r.String())
		}
		return nil
	})
	for _, c := range []struct {
		token, sql string
		status     int
		says       string
		hides      string
	}{
		{masked, "SELECT email FROM customers", 200, "***", "planted@"},
		{personal, "SELECT email FROM kipay_analytics_personal.customers", 200, "planted@example.com", ""},
		{masked, "SELECT email FROM kipay_analytics_personal.customers", 0, "", "planted@"},
		{masked, "SELECT email FROM kipay.customers", 0, "", "planted@"},
		{other, "SELECT count() FROM customers", 200, "0", ""},
		{masked, "SELECT * FROM file('/etc/passwd')", 0, "", "root"},
		{masked, "SELECT 1; SELECT 2", 0, "", ""},
		{masked, "DROP TABLE transactions", 0, "", ""},
		{"kp_analyst_" + strings.Repeat("x", 32), "SELECT 1", 0, "", ""},
		{m.key, "SELECT 1", 0, "", ""},
	} {
		r := asks(t, addr, c.token, c.sql)
		if (c.status == 200) != (r.status == 200) || !strings.Contains(r.raw, c.says) || (c.hides != "" && strings.Contains(r.raw, c.hides)) {
			t.Errorf("%s: %v", c.sql, r)
		}
	}

	// A second token of the same name is another reader, and both say from where.
	twin := token("grafana")
	for _, who := range []string{masked, twin} {
		asks(t, addr, who, "SELECT count() FROM channels")
		eventually(t, 10*time.Second, "the reading of each token is recorded", func() error {
			events := in.cli(t, "events", "tail", "--no-follow", "--last", "500", "--open", "--json")
			id, _ := analyst.IDOf(who)
			for _, line := range strings.Split(events, "\n") {
				if e := (reply{raw: line}); e.text("metadata.actor") == "analyst:grafana:"+id && strings.Contains(line, "kipay_analytics.channels") {
					if e.text("metadata.from") != "127.0.0.1" || e.text("data.reader") != "analyst:grafana:"+id {
						return errString(line)
					}
					return nil
				}
			}
			return errString("none")
		})
	}

	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{addr}, Auth: clickhouse.Auth{Database: "kipay_analytics", Username: "me", Password: masked},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var payments uint64
	if err := conn.QueryRow(context.Background(), "SELECT count() FROM transactions WHERE reference = ?", ref).Scan(&payments); err != nil || payments != 1 {
		t.Errorf("clickhouse-go: %d payments, %v", payments, err)
	}
	in.cli(t, "analyst", "revoke", masked)
	eventually(t, 10*time.Second, "a revoked token is refused", func() error {
		if r := asks(t, addr, masked, "SELECT 1"); r.status == 200 {
			return errString(r.String())
		}
		return nil
	})
	if e := in.cli(t, "events", "tail", "--no-follow", "--last", "500", "--json"); !strings.Contains(e, "analytics kipay_analytics") || strings.Contains(e, masked) {
		t.Error("what was read is not recorded, or the token is")
	}
}

type errString string

func (e errString) Error() string { return string(e) }
