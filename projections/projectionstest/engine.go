package projectionstest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/projections/chdb"
)

const (
	roleChild  = "role-chdb-child"
	socketFile = "s"
	configFile = "config.xml"
	// Patience is how long a test waits for what has to happen.
	Patience = 60 * time.Second
	// engineMemory is the child's limit in bytes.
	engineMemory = 2 << 30
)

// Main runs the tests, or plays the engine's child when the test binary was started as one. A missing library is a
// failure, not a skip: the tests mean nothing without the engine.
func Main(m *testing.M) {
	Child()
	if _, err := chdb.LibraryPath(""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Child plays the engine's child and ends the process, when the test binary was started as one.
func Child() {
	if len(os.Args) > 2 && os.Args[1] == roleChild {
		os.Exit(playChild(os.Args[2]))
	}
}

func playChild(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o := chdb.Options{
		Dir: dir, Socket: filepath.Join(dir, socketFile), MaxMemoryBytes: engineMemory, Parent: chdb.ParentPipe(), Log: zerolog.New(os.Stderr),
	}
	if config := filepath.Join(dir, configFile); exists(config) {
		o.EngineSettings = map[string]string{"config-file": config}
	}
	err := chdb.Serve(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Engine is a chDB child and a driver's connection to it.
type Engine struct {
	Supervisor *chdb.Supervisor
	Dir        string // where its tables are
	Conn       driver.Conn

	away atomic.Bool
}

// NewEngine starts a child over a new folder and waits until it answers.
func NewEngine(t testing.TB) *Engine {
	t.Helper()
	return newEngine(t, "")
}

// ShardedCluster is the name of the cluster that NewShardedEngine knows.
const ShardedCluster = "kipay"

// NewShardedEngine is an engine that knows a cluster of two shards, neither of which answers: the embedded engine serves
// no network. It is for what an engine decides before it asks them.
func NewShardedEngine(t testing.TB) *Engine {
	t.Helper()
	const shard = "<shard><replica><host>127.0.0.1</host><port>1</port></replica></shard>"
	return newEngine(t, "<clickhouse><remote_servers><"+ShardedCluster+">"+shard+shard+"</"+ShardedCluster+"></remote_servers></clickhouse>")
}

func newEngine(t testing.TB, config string) *Engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "kp") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if config != "" {
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := &Engine{Dir: dir}
	s, err := chdb.Start(context.Background(), chdb.SupervisorOptions{
		Command: func() *exec.Cmd {
			if e.away.Load() {
				return exec.Command("false")
			}
			return exec.Command(os.Args[0], roleChild, dir)
		},
		Socket:       filepath.Join(dir, socketFile),
		Log:          zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
		PingInterval: 200 * time.Millisecond, PingTimeout: time.Second, PingFailures: 3, BackoffMax: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		_ = s.Close(ctx)
	})
	if err := s.WaitReady(Within(t)); err != nil {
		t.Fatal(err)
	}
	options := s.Options("")
	options.MaxOpenConns, options.MaxIdleConns = 16, 8
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	e.Supervisor, e.Conn = s, conn
	return e
}

// Kill ends the child as a crash would, and waits until the next one answers.
func (e *Engine) Kill(t testing.TB) {
	t.Helper()
	restarts := e.Supervisor.Restarts()
	if err := syscall.Kill(e.Supervisor.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ctx := Within(t)
	for ticker := time.NewTicker(5 * time.Millisecond); e.Supervisor.Restarts() == restarts || e.Supervisor.WaitReady(ctx) != nil; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("the engine did not come back")
		}
	}
}

// Leave ends the child, and none that answers follows until Return.
func (e *Engine) Leave(t testing.TB) {
	t.Helper()
	e.away.Store(true)
	if err := syscall.Kill(e.Supervisor.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// Return ends what Leave began.
func (e *Engine) Return() { e.away.Store(false) }

// Wedge lets the child hang: it takes connections and answers nothing, until the supervisor replaces it.
func (e *Engine) Wedge(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(e.Supervisor.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// Within is a context that ends when a test has waited long enough.
func Within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}
