package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/benfex/kipay/projections/projectionstest"
)

// passOn listens on an address of its own and passes connections on to what dial finds, until the test ends.
func passOn(t *testing.T, addr string, dial func(ctx context.Context) (net.Conn, error)) {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() {
		stop()
		_ = ln.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer func() { _ = from.Close() }()
				to, err := dial(ctx)
				if err != nil {
					return
				}
				defer func() { _ = to.Close() }()
				over := context.AfterFunc(ctx, func() { _, _ = from.Close(), to.Close() })
				defer over()
				back := make(chan struct{})
				go func() {
					defer close(back)
					_, _ = io.Copy(from, to)
					_ = from.Close()
				}()
				_, _ = io.Copy(to, from)
				_ = to.Close()
				<-back
			})
		}
	})
}

// launchBalancer passes connections on to the next node that takes one.
func launchBalancer(t *testing.T, addr string, nodes []*instance) {
	t.Helper()
	var next atomic.Uint64
	passOn(t, addr, func(ctx context.Context) (net.Conn, error) {
		var dialer net.Dialer
		for range nodes {
			node := nodes[next.Add(1)%uint64(len(nodes))]
			if conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(node.base, "http://")); err == nil {
				return conn, nil
			}
		}
		return nil, errors.New("no node is there")
	})
}

// has tells whether the node is the one that has the role.
func (in *instance) has(role string) bool {
	r := send(context.Background(), http.MethodGet, in.base+"/metrics", "")
	return strings.Contains(r.raw, "\nkipay_role_active{role=\""+role+"\"} 1\n")
}

// actives are how many of the nodes have the role, and one of them.
func actives(nodes []*instance, role string) (n int, which *instance) {
	for _, in := range nodes {
		if in.has(role) {
			n, which = n+1, in
		}
	}
	return n, which
}

// TestThreeNodesKilledInTurnUnderLoad counts what one event store and one ClickHouse hold after that: what was answered is
// there, each push has its money once, no number stands twice, and lists agree with the log.
func TestThreeNodesKilledInTurnUnderLoad(t *testing.T) {
	t.Parallel()
	front, engine := freeAddr(), projectionstest.NewEngine(t).OpenDoor(t, false)
	dsn := fmt.Sprintf("http://%s@%s/kipay?compress=none", url.UserPassword(projectionstest.User, projectionstest.Password), engine.Addr)
	shared := func(roles string) settings {
		return settings{"CLICKHOUSE": dsn, "PUBLIC_URL": "http://" + front, "ROLES": roles}
	}
	c := launchCluster(t, shared("api"), shared("api,projector,reactor"), shared("projector,reactor"))
	launchBalancer(t, front, c.nodes[:2])
	m := newShop(t, c.nodes[0]).on(&instance{base: "http://" + front, sim: c.nodes[0].sim})
	promised := newAcknowledged()
	m.on(c.nodes[2]).get("/api/transactions/list").want(t, 404, nil) // it has not that role
	for _, role := range []string{"projector", "reactor"} {
		eventually(t, 30*time.Second, "one node is the "+role, func() error {
			if n, _ := actives(c.nodes, role); n != 1 {
				return fmt.Errorf("%d are", n)
			}
			return nil
		})
	}
	endLoad := underLoad(3, m, promised)
	defer endLoad()
	for round := range rounds(t, 3) {
		victim := c.nodes[0]
		if role := []string{"", "projector", "reactor"}[round%3]; role != "" {
			_, victim = actives(c.nodes, role)
		}
		had := map[string]bool{"projector": victim.has("projector"), "reactor": victim.has("reactor")}
		victim.kill()
		gone := time.Now()
		var rest []*instance
		for _, in := range c.nodes {
			if in != victim {
				rest = append(rest, in)
			}
		}
		for role, lost := range had {
			if !lost {
				continue
			}
			eventually(t, 30*time.Second, "another node is the "+role, func() error {
				if n, _ := actives(rest, role); n != 1 {
					return fmt.Errorf("%d are", n)
				}
				return nil
			})
			t.Logf("%s taken over after %s", role, time.Since(gone).Round(10*time.Millisecond))
		}
		victim.start(t)
		victim.awaitReady(t)
	}
	endLoad()
	if len(promised.pushes) == 0 || len(promised.checkouts) == 0 {
		t.Fatal("the load did nothing")
	}
	t.Logf("%d checkouts and %d pushes were acknowledged; nobody knows whether %d more pushes went out", len(promised.checkouts), len(promised.pushes), len(promised.doubtful))
	checkPromises(t, m, promised)
	checkBooks(t, m, c.nodes[0])
	if out, code := c.nodes[1].verb(t, "verify"); code != 0 {
		t.Errorf("verify beside the nodes: exit %d: %s", code, out)
	}
}
