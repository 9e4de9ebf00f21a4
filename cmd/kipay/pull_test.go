package main_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/projections/projectionstest"
)

// calls is how often the server has made a call to a provider.
func (in *instance) calls(t *testing.T, name string) int {
	t.Helper()
	n := 0
	for _, m := range regexp.MustCompile(`kipay_provider_call_seconds_count\{call="`+name+`",[^}]*\} (\d+)`).
		FindAllStringSubmatch(send(t.Context(), "GET", in.base+"/metrics", "").raw, -1) {
		if v, err := strconv.Atoi(m[1]); err == nil {
			n += v
		}
	}
	return n
}

// Everything that tells of a payment is lost: the answer to the push and its callback, so that nothing can be asked after, and the
// confirmation. M-Pesa lists it all the same.
func TestAPaymentThatNobodyToldOfIsPulled(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"PULL_EVERY": "300ms"}))
	m := newShop(t, in)
	known := m.push(t, phone(), "700")
	m.settles(t, known, "completed", 15*time.Second)
	lost := m.push(t, "254700030010", "320")
	in.cli(t, "channel", "pull", m.mpesa, "--number", "254722000000")
	m.settles(t, lost, "completed", 30*time.Second)
	if story := m.get("/api/transactions/" + lost + "/history").raw; !strings.Contains(story, `"door":"statement"`) || !strings.Contains(story, "reconciliation") {
		t.Errorf("the history does not say how it is known: %s", story)
	}
	imports := func() reply { return m.get("/api/reconciliation/imports").want(t, 200, nil) }
	first := imports().want(t, 200, shape{"total": "=1", "data.0.source": `="mpesa_pull"`, "data.0.status": `="done"`, "data.0.unexplained": "=0"})
	id := first.text("data.0.id")
	m.difference(t, id, "missing_callback").want(t, 200, shape{"data.0.state": `="resolved"`, "data.0.action": `="recorded"`, "data.0.amount": "=320", "data.0.references.0": `="` + lost + `"`})

	// What is listed again is nothing new.
	balances, before := m.get("/api/ledger/balances").raw, in.calls(t, "pull")
	eventually(t, 30*time.Second, "it is pulled a few times more", func() error {
		if n := in.calls(t, "pull"); n < before+6 {
			return fmt.Errorf("%d calls after %d", n, before)
		}
		return nil
	})
	imports().want(t, 200, shape{"total": "=1"})
	if again := m.get("/api/ledger/balances").raw; again != balances {
		t.Errorf("the books moved: %s, before %s", again, balances)
	}

	// Money of nobody waits in suspense, and a person who asks for the list again finds nothing that is new.
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+m.mpesa+`}`).want(t, 200, nil)
	m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":55,"phone_number":"254700060005","reference":"NOBODY"}`).want(t, 200, nil)
	eventually(t, 30*time.Second, "the stranger's money is in suspense", func() error {
		if got := m.balanceOf(t, "suspense"); got != "55" {
			return fmt.Errorf("suspense holds %s", got)
		}
		return nil
	})
	m.settles(t, m.push(t, phone(), "10"), "completed", 15*time.Second)
	fetch := func() reply {
		return reply{status: 200, raw: in.cli(t, "reconcile", "fetch", "--source", "mpesa_pull", "--channel", m.mpesa, "--merchant", m.id, "--mode", "test", "--json")}
	}
	eventually(t, 15*time.Second, "the second of the last payment is over", func() error {
		if out := fetch(); out.text("lines") != "4" {
			return fmt.Errorf("%v", out)
		}
		return nil
	})
	if known, again := fetch(), fetch(); known.raw != again.raw {
		t.Errorf("the same list is another import: %v and %v", known, again)
	}
	fetch().want(t, 200, shape{"status": `="done"`, "lines": "=4", "matched": "=4", "difference": "=0", "differences": "=0"})
	imports().want(t, 200, shape{"total": "=3"})
	in.fails(t, 2, "48 hours", "reconcile", "fetch", "--source", "mpesa_pull", "--channel", m.mpesa, "--merchant", m.id, "--mode", "test", "--from", "2026-01-01")
	in.fails(t, 2, "not an M-Pesa", "reconcile", "fetch", "--source", "mpesa_pull", "--channel", m.card, "--merchant", m.id, "--mode", "test")
	m.upload(t, "x", "source", "mpesa_pull", "payment_channel_id", m.mpesa).wantError(t, 422, "", "source")

	// Turned off, nobody asks.
	in.cli(t, "channel", "pull", m.mpesa, "--off")
	in.fails(t, 1, "M-Pesa", "channel", "pull", m.card, "--number", "254722000000")
}

// A node that only reacts finds the books in the ClickHouse that another node writes.
func TestANodeThatOnlyReactsPulls(t *testing.T) {
	t.Parallel()
	door := projectionstest.NewEngine(t).OpenDoor(t, true)
	with := func(more settings) settings {
		more["CLICKHOUSE"] = fmt.Sprintf("https://%s@%s/kipay?compress=none", url.UserPassword(projectionstest.User, projectionstest.Password), door.Addr)
		more["CLICKHOUSE_CA_FILE"] = door.CAFile
		return more
	}
	c := launchCluster(t, with(settings{"ROLES": "api,projector"}), with(settings{"ROLES": "reactor", "PULL_EVERY": "300ms"}))
	m := newShop(t, c.nodes[0])
	lost := m.push(t, "254700030010", "320")
	c.nodes[1].cli(t, "channel", "pull", m.mpesa, "--number", "254722000000")
	m.settles(t, lost, "completed", 60*time.Second)
	m.get("/api/reconciliation/imports").want(t, 200, shape{"total": "=1", "data.0.source": `="mpesa_pull"`})
}
