package main_test

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// redisServer is a real Redis on a port of its own.
func redisServer(t *testing.T, addr string) *instance {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	dieWithTest(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("the tests need redis-server: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	in := &instance{cmd: cmd, ended: ended}
	t.Cleanup(in.stop)
	eventually(t, 10*time.Second, "Redis answers", func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	return in
}

func TestNodesCountTogetherInRedisAndAloneWithoutIt(t *testing.T) {
	t.Parallel()
	addr := freeAddr()
	const limit = 10
	// Both nodes run before Redis does: that holds neither up.
	limited := settings{"REDIS_URL": "redis://" + addr, "RATE_LIMIT": fmt.Sprintf("%d-H", limit)}
	c := launchCluster(t, limited, limited)
	one := newMerchant(t, c.nodes[0])
	ask := func(m *merchant) reply { return m.call(http.MethodGet, "/api/payment-channels/list", "") }
	if r := ask(one); r.status == 429 || r.status == 503 && strings.Contains(r.String(), "rate limit") {
		t.Fatalf("without Redis: %v", r)
	}
	redis := redisServer(t, addr)
	shared := func(in *instance) error {
		before := counted(t, in)
		ask(one.on(in))
		if counted(t, in) != before {
			return fmt.Errorf("still counts in memory")
		}
		return nil
	}
	for _, in := range c.nodes {
		eventually(t, 20*time.Second, "Redis is used", func() error { return shared(in) })
	}
	if up := c.nodes[0].metric(t, "kipay_redis_up"); up != "1" {
		t.Errorf("kipay_redis_up is %s while Redis answers", up)
	}
	other := newMerchant(t, c.nodes[0])
	refused := 0
	for n := range 2 * limit {
		if r := ask([]*merchant{other, other.on(c.nodes[1])}[n%2]); r.status == 429 {
			refused++
		}
	}
	if refused != limit {
		t.Errorf("%d of %d requests to two nodes were refused, at %d an hour", refused, 2*limit, limit)
	}
	redis.kill()
	if up := c.nodes[0].metric(t, "kipay_redis_up"); up != "0" {
		t.Errorf("kipay_redis_up is %s while Redis is gone", up)
	}
	// Alone each node has a limit of its own, and refuses nobody for Redis.
	for _, m := range []*merchant{other, other.on(c.nodes[1])} {
		if r := ask(m); r.status != 200 {
			t.Errorf("after Redis died: %v", r)
		}
	}
}

// counted is how many requests the node had to count in memory.
func counted(t *testing.T, in *instance) string {
	t.Helper()
	return in.metric(t, "kipay_rate_limit_store_failures_total")
}

// metric is one value that the node tells Prometheus.
func (in *instance) metric(t *testing.T, series string) string {
	t.Helper()
	r := send(t.Context(), http.MethodGet, in.base+"/metrics", "")
	_, rest, found := strings.Cut(r.raw, "\n"+series+" ")
	if !found {
		t.Fatalf("no metric %s", series)
	}
	value, _, _ := strings.Cut(rest, "\n")
	return value
}
