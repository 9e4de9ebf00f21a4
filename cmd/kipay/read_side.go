package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/projections/chdb"
	"github.com/benfex/kipay/projections/server"
)

// readSide is ClickHouse and what keeps it true to the log.
type readSide struct {
	super     *chdb.Supervisor // nil on a server
	conn      driver.Conn
	projector *projections.Projector
	follower  *projections.Follower // nil unless the API reads what other nodes may write
	temp      string                // folder of what is too large for memory while it is written
}

const (
	readModelDir = "readmodel"
	// tempDir is below it: nothing there outlives the process.
	tempDir = "temp"
)

// emptyFolder makes the folder, without what a process that was killed has left there.
func emptyFolder(name string) (string, error) {
	if err := os.RemoveAll(name); err != nil {
		return "", fmt.Errorf("temporary files: %w", err)
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return "", fmt.Errorf("temporary files: %w", err)
	}
	return name, nil
}

// clickHouseEmbedded is the setting for the engine in a process of our own.
const clickHouseEmbedded = "embedded"

var errNoServer = errors.New("KIPAY_CLICKHOUSE_CLUSTER and KIPAY_CLICKHOUSE_CA_FILE are for ClickHouse servers: name them in KIPAY_CLICKHOUSE")

// clickHouseServer is how to connect to what is configured, nil where that is the embedded engine.
func clickHouseServer(c *config) (*clickhouse.Options, error) {
	if c.ClickHouse == clickHouseEmbedded {
		if c.ClickHouseCluster != "" || c.ClickHouseCA != "" {
			return nil, errNoServer
		}
		return nil, nil //nolint:nilnil // there is none, and that is fine
	}
	options, err := server.Options(server.Config{DSN: c.ClickHouse, CAFile: c.ClickHouseCA, Cluster: c.ClickHouseCluster})
	if err != nil {
		return nil, fmt.Errorf("KIPAY_CLICKHOUSE, with KIPAY_CLICKHOUSE_CA_FILE: %w", err)
	}
	return options, nil
}

// checkClickHouse says what is wrong with KIPAY_CLICKHOUSE, without quoting it.
func checkClickHouse(v string) error {
	if v == clickHouseEmbedded {
		return nil
	}
	if err := server.CheckDSN(v); err != nil {
		return fmt.Errorf("embedded, or a DSN: %w", err)
	}
	return nil
}

// openReadSide starts the embedded engine, or connects to a server. It does not wait until it answers: payments don't.
func (n *node) openReadSide(ctx context.Context, metrics prometheus.Registerer) error {
	options, err := n.clickhouseOptions(ctx)
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	n.reads.conn = conn
	if n.reads.temp, err = emptyFolder(filepath.Join(n.cfg.DataDir, readModelDir, tempDir)); err != nil {
		return err
	}
	if (n.cfg.Roles.has(roleAPI) || n.cfg.Roles.has(roleReactor)) && !n.projectsAlone() {
		n.reads.follower = projections.NewFollower(conn, n.log)
	}
	o := projections.Options{Conn: conn, Cluster: n.cfg.ClickHouseCluster, Log: n.events, Logger: n.log, Metrics: metrics}
	if n.reads.super != nil {
		o.Sync, o.Incarnation = syncFolder(filepath.Join(n.cfg.DataDir, readModelDir)), n.reads.super.Restarts
	}
	n.reads.projector, err = projections.New(o)
	return err
}

func (n *node) clickhouseOptions(ctx context.Context) (*clickhouse.Options, error) {
	n.reads = &readSide{}
	if options, err := clickHouseServer(n.cfg); options != nil || err != nil {
		return options, err
	}
	dir := filepath.Join(n.cfg.DataDir, readModelDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("read models: %w", err)
	}
	socket, err := chdb.SocketPath(dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	n.reads.super, err = chdb.Start(ctx, chdb.SupervisorOptions{
		Command: func() *exec.Cmd {
			//nolint:gosec,noctx // this very program; the supervisor ends it
			return exec.Command(self, "readmodel", "--dir", dir, "--socket", socket, "--memory", fmt.Sprint(n.cfg.EngineMemory))
		},
		Socket: socket, Library: n.cfg.ChDBLib, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	return n.reads.super.Options(chdb.Database), nil
}

// waitReady waits until ClickHouse answers.
func (r *readSide) waitReady(ctx context.Context) error {
	if r.super != nil {
		return r.super.WaitReady(ctx)
	}
	return r.conn.Ping(ctx)
}

func (r *readSide) close() {
	if r == nil {
		return
	}
	if r.conn != nil {
		_ = r.conn.Close()
	}
	if r.super != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = r.super.Close(ctx)
	}
}
