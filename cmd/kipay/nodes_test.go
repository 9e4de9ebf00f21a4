package main_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cluster is an event store behind its own protocol, simulators, and nodes that share both.
type cluster struct {
	store *instance
	nodes []*instance
}

// launchCluster starts a node with each of the settings on one `kipay eventstore`.
func launchCluster(t *testing.T, each ...settings) *cluster {
	t.Helper()
	store, connection := startStore(t)
	sandbox := launchSandbox(t, "50")
	c, key := &cluster{store: store}, newMasterKey(t)
	for _, more := range each {
		s := settings{
			"EVENTSTORE": connection, "MASTER_KEY": key, "SANDBOX": "false",
			"MPESA_SANDBOX_URL": sandbox.sim + "/daraja", "PAYSTACK_URL": sandbox.sim + "/paystack",
		}
		maps.Copy(s, more)
		in := begin(t, quick(s))
		in.sim = sandbox.sim
		c.nodes = append(c.nodes, in)
	}
	for _, in := range c.nodes { // one may wait for another to make the read models
		in.awaitReady(t)
	}
	return c
}

// on is the same merchant as it calls another node.
func (m *merchant) on(in *instance) *merchant {
	other := *m
	other.instance = in
	return &other
}

func TestNodesShareALogAndOutliveIt(t *testing.T) {
	t.Parallel()
	c := launchCluster(t, nil, nil)
	one := newShop(t, c.nodes[0])
	two := one.on(c.nodes[1])

	// What one node has opened the other knows, its list too when it is told how far to look.
	opened := one.call(http.MethodPost, "/api/transactions/initialize", `{"amount":5,"email":"shared@example.com"}`, "Idempotency-Key", "once")
	opened.want(t, 201, nil)
	ref := opened.text("reference")
	two.get("/api/transactions/verify/"+ref).want(t, 200, nil)
	listed := two.call(http.MethodGet, "/api/transactions/list?limit=1", "", "X-Kipay-Position", opened.header.Get("X-Kipay-Position"))
	if got := listed.text("data.0.reference"); got != ref {
		t.Errorf("the other node lists %q, not %q: %v", got, ref, listed)
	}
	again := two.call(http.MethodPost, "/api/transactions/initialize", `{"amount":5,"email":"shared@example.com"}`, "Idempotency-Key", "once")
	if again.text("reference") != ref {
		t.Errorf("the same key on another node opened %v", again)
	}
	ids := map[string]bool{}
	for n := range 20 {
		r := []*merchant{one, two}[n%2].post("/api/transactions/initialize", `{"amount":5,"email":"ids@example.com"}`)
		r.want(t, 201, nil)
		if id := r.text("transaction.id"); ids[id] {
			t.Errorf("two transactions have the number %s", id)
		} else {
			ids[id] = true
		}
	}

	// The store dies while pushes are on phones: callbacks are acknowledged and kept, writes are refused soon.
	var pushes []string
	for n := range 6 {
		pushes = append(pushes, []*merchant{one, two}[n%2].push(t, phone(), fmt.Sprint(100+n)))
	}
	c.store.kill()
	refused := one.post("/api/transactions/initialize", `{"amount":5,"email":"away@example.com"}`)
	if refused.status != 503 || refused.header.Get("Retry-After") == "" || refused.took > 15*time.Second {
		t.Errorf("without a store, after %s: %v", refused.took, refused)
	}
	if failed := one.metric(t, `kipay_eventstore_errors_total{kind="unavailable"}`); failed == "0" {
		t.Error("no failure of the event store is counted")
	}
	// A node that is started again in the outage takes notices too: here as good as any, of a push of before.
	c.nodes[1].kill()
	c.nodes[1].start(t)
	eventually(t, 30*time.Second, "the node that was started in the outage takes a notice", func() error {
		r := send(t.Context(), http.MethodPost, c.nodes[1].base+"/mpesa/confirmation", `{"TransactionType":"Pay Bill","TransID":"SPOOLED001",`+
			`"TransTime":"20260310120000","TransAmount":"10.00","BusinessShortCode":"174379","BillRefNumber":"away","MSISDN":"254712345678"}`,
			"Content-Type", "application/json")
		if r.status != 200 {
			return fmt.Errorf("answered %v", r)
		}
		return nil
	})
	eventually(t, 30*time.Second, "a notice waits in the spool", func() error {
		for _, in := range c.nodes {
			if in.metric(t, "kipay_spool_notices") != "0" && in.metric(t, "kipay_spool_oldest_seconds") != "0" {
				return nil
			}
		}
		return errors.New("none does")
	})
	c.store.start(t)
	for n, ref := range pushes {
		[]*merchant{two, one}[n%2].settles(t, ref, "completed", 60*time.Second)
	}
	for _, in := range c.nodes {
		eventually(t, 30*time.Second, "the spool is empty", func() error {
			if r := send(t.Context(), http.MethodGet, in.base+"/metrics", ""); !strings.Contains(string(r.raw), "\nkipay_spool_notices 0\n") {
				return errors.New("notices wait")
			}
			return nil
		})
	}
	for _, ref := range pushes {
		if n := strings.Count(c.nodes[0].cli(t, "events", "stream", ref), "PaymentReceived"); n != 1 {
			t.Errorf("%s: money came %d times", ref, n)
		}
	}

	// A key that is revoked on one node is refused by the other at once, within a second on a machine that is not busy.
	issued := reply{raw: one.cli(t, "key", "issue", "--merchant", one.id, "--json")}
	guest := two.as(issued.text("api_key"))
	guest.get("/api/transactions/verify/"+ref).want(t, 200, nil)
	one.cli(t, "key", "revoke", issued.text("key_id"))
	eventually(t, 5*time.Second, "the other node refuses the revoked key", func() error {
		if r := guest.call(http.MethodGet, "/api/transactions/verify/"+ref, ""); r.status != 401 {
			return fmt.Errorf("answered %d", r.status)
		}
		return nil
	})

	// The same of a channel that is turned off, and on again.
	open := func() reply {
		return two.call(http.MethodPost, "/api/transactions/initialize", `{"amount":5,"email":"off@example.com","payment_channel_id":`+two.card+`}`)
	}
	for _, turn := range []struct {
		verb   string
		status int
	}{{"off", 422}, {"on", 201}} {
		one.cli(t, "channel", turn.verb, one.card)
		eventually(t, 5*time.Second, "the other node knows that the channel is "+turn.verb, func() error {
			if r := open(); r.status != turn.status {
				return fmt.Errorf("answered %v", r)
			}
			return nil
		})
	}
	if out, code := one.verb(t, "channel", "off", "999999"); code == 0 || !strings.Contains(out, "not found") {
		t.Errorf("a channel that is not there: exit %d: %s", code, out)
	}
}
