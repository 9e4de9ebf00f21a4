package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/projections/chdb"
)

// clickHouse is a ClickHouse server for several nodes: the engine behind its HTTP interface, on a port.
type clickHouse struct {
	engine   *chdb.Supervisor
	listener net.Listener
	passing  sync.WaitGroup
	stopped  context.CancelFunc
}

func startClickHouse(ctx context.Context, binary, dir string) (_ *clickHouse, err error) {
	socket, err := chdb.SocketPath(dir)
	if err != nil {
		return nil, err
	}
	c := &clickHouse{}
	if c.engine, err = chdb.Start(ctx, chdb.SupervisorOptions{
		Command: func() *exec.Cmd {
			//nolint:gosec,noctx // the binary that is measured; the supervisor ends it
			return exec.Command(binary, "readmodel", "--dir", filepath.Join(dir, "engine"), "--socket", socket)
		},
		Socket: socket, Log: zerolog.Nop(),
	}); err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err = c.engine.WaitReady(ready); err == nil {
		c.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, errors.Join(err, c.stop(ctx))
	}
	var life context.Context
	life, c.stopped = context.WithCancel(context.WithoutCancel(ctx))
	c.passing.Go(func() { c.pass(life) })
	return c, nil
}

// dsn is what KIPAY_CLICKHOUSE takes. The engine takes no compressed blocks.
func (c *clickHouse) dsn() string {
	return "http://" + c.listener.Addr().String() + "/" + chdb.Database + "?compress=none"
}

// pass passes connections on to the engine's socket.
func (c *clickHouse) pass(ctx context.Context) {
	for {
		from, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.passing.Go(func() {
			to, err := c.engine.DialContext(ctx, "")
			if err != nil {
				_ = from.Close()
				return
			}
			over := context.AfterFunc(ctx, func() { _, _ = from.Close(), to.Close() })
			defer over()
			c.passing.Go(func() {
				_, _ = io.Copy(from, to)
				_ = from.Close()
			})
			_, _ = io.Copy(to, from)
			_ = to.Close()
		})
	}
}

func (c *clickHouse) stop(ctx context.Context) error {
	if c.listener != nil {
		_ = c.listener.Close()
	}
	if c.stopped != nil {
		c.stopped()
	}
	c.passing.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return c.engine.Close(ctx)
}

// nodes compares three nodes on one event store server and one ClickHouse with one of them, all on this machine: what
// their number costs, not what more machines would bring. Then it builds the read models in that ClickHouse, and in an
// embedded one.
func (b *bench) nodes(ctx context.Context) (err error) {
	ch, err := startClickHouse(ctx, b.kipay, filepath.Join(b.dir, "clickhouse"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ch.stop(ctx)) }()
	if err := b.threeNodes(ctx, ch); err != nil {
		return err
	}
	return b.projectToServer(ctx, ch)
}

func (b *bench) threeNodes(ctx context.Context, ch *clickHouse) (err error) {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(b.dir, "eventstore.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	store, err := startChild(childOptions{
		Path: b.kipay, Args: []string{"eventstore", "--addr", addr, "--data-dir", filepath.Join(b.dir, "eventstore")}, Log: log,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.stop()) }()
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return err
	}
	env := []string{
		"KIPAY_EVENTSTORE=esdb://" + addr + "?tls=false", "KIPAY_MASTER_KEY=" + base64.StdEncoding.EncodeToString(key[:]),
		"KIPAY_CLICKHOUSE=" + ch.dsn(),
	}
	var servers []*server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.stop())
		}
	}()
	for n := range 3 {
		dir := filepath.Join(b.dir, fmt.Sprintf("node-%d", n))
		more := env
		if n > 0 { // the first one has made the demo merchant
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "demo-api-key"), []byte(servers[0].key), 0o600)); err != nil {
				return err
			}
			more = append([]string{"KIPAY_SANDBOX=false"}, env...)
		}
		s, err := startServer(ctx, b.kipay, dir, more...)
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	one := side{"one node", servers[0].child, initializeOrder(servers[0].addr, servers[0].key)}
	three := one
	three.name, three.order.More = "three nodes", []string{servers[1].addr, servers[2].addr}
	if err := b.warm(ctx, one, three); err != nil {
		return err
	}
	rounds, err := b.turns(ctx, three, one)
	if err != nil {
		return err
	}
	failed, why := failures(rounds...)
	b.add(row{
		What: fmt.Sprintf("initialize on three nodes on one event store server, %d connections", loadConnections), Kipay: rateOf(rounds[0]),
		Against: rateOf(rounds[1]) + " one of them", Ratio: medianRatio(rounds[0], rounds[1]),
		Note: "all on this machine's processors: what their number costs",
	})
	b.add(row{What: "requests that failed on one or three nodes", Kipay: fmt.Sprint(failed), Aim: "0", Met: failed == 0, Note: why})
	return nil
}

// projectToServer compares a rebuild into a ClickHouse over HTTP with one into the node's own.
func (b *bench) projectToServer(ctx context.Context, ch *clickHouse) error {
	dir := filepath.Join(b.dir, "projected")
	if err := b.fill(ctx, dir, b.size.projected); err != nil {
		return err
	}
	var there, own float64
	const rounds = 2
	for range rounds {
		r, err := b.runRebuild(ctx, dir, "KIPAY_CLICKHOUSE="+ch.dsn())
		if err != nil {
			return err
		}
		there += r.perSecond() / rounds
		if r, err = b.runRebuild(ctx, dir); err != nil {
			return err
		}
		own += r.perSecond() / rounds
	}
	b.add(row{
		What: fmt.Sprintf("projecting %s events into a ClickHouse server", thousands(b.size.projected)), Kipay: perSecond(there),
		Against: perSecond(own) + " into the node's own", Ratio: there / own, Note: "chDB behind a port stands for the server",
	})
	return nil
}
