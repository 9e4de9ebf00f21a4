package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/projections/projectionstest"
)

// Two nodes over one ClickHouse: over TLS, as a user, with hosts of which the first never answers and the next one goes
// away. The engine is the embedded one behind doors that stand for servers; compressed blocks it does not take.
func TestNodesShareAClickHouse(t *testing.T) {
	t.Parallel()
	engine := projectionstest.NewEngine(t)
	first, second := engine.OpenDoor(t, true), engine.OpenDoor(t, true)
	user := url.UserPassword(projectionstest.User, projectionstest.Password)
	shared := settings{
		"CLICKHOUSE":         fmt.Sprintf("https://%s@127.0.0.1:1,%s,%s/kipay?compress=none", user, first.Addr, second.Addr),
		"CLICKHOUSE_CA_FILE": first.CAFile,
	}
	c := launchCluster(t, shared, shared)
	one := newShop(t, c.nodes[0])
	two := one.on(c.nodes[1])
	written := 0
	seenByOther := func(when string) {
		t.Helper()
		opened := one.post("/api/transactions/initialize", `{"amount":5,"email":"shared@example.com"}`)
		opened.want(t, 201, nil)
		written++
		// A connection that breaks fails the question that was on it; the next one has another.
		eventually(t, 20*time.Second, when+" the other node lists it", func() error {
			listed := two.call(http.MethodGet, "/api/transactions/list?limit=100", "", "X-Kipay-Position", opened.header.Get("X-Kipay-Position"))
			if got := listed.text("data.0.reference"); got != opened.text("reference") {
				return fmt.Errorf("it lists %q first: %v", got, listed)
			}
			if total := listed.text("total"); total != fmt.Sprint(written) {
				t.Fatalf("%s it counts %s, not %d: %v", when, total, written, listed)
			}
			return nil
		})
	}
	for range 5 {
		seenByOther("while all is well")
	}
	one.cli(t, "rebuild")
	seenByOther("after a rebuild by one node")
	first.Close()
	seenByOther("after a host went away")
	if out := string(two.cli(t, "verify", "--json")); !strings.Contains(out, `"differ":0`) {
		t.Errorf("what two nodes have written: %s", out)
	}
	for _, in := range c.nodes {
		for _, name := range []string{"out.log", "err.log"} {
			text, err := os.ReadFile(filepath.Join(in.home, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{projectionstest.Password, strings.TrimPrefix(user.String(), projectionstest.User+":")} {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s holds the password of ClickHouse", name)
				}
			}
		}
	}
}
