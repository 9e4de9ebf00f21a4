package chdb

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"
)

// The test binary plays the other processes too: the child that serves the engine, and a parent that can be killed.
const (
	roleChild  = "role-child"
	roleParent = "role-parent"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case roleChild:
			os.Exit(playChild(os.Args[2], os.Args[3]))
		case roleParent:
			os.Exit(playParent(os.Args[2]))
		}
	}
	if _, err := LibraryPath(""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // a failure and not a skip: these tests mean nothing without the engine
	}
	os.Exit(m.Run())
}

func playChild(dir, memory string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	limit, err := strconv.ParseInt(memory, 10, 64)
	if err == nil {
		err = Serve(ctx, Options{
			Dir: dir, Socket: filepath.Join(dir, socketFile), MaxMemoryBytes: limit, Parent: ParentPipe(), StallTimeout: 5 * time.Second,
			StopTimeout: 5 * time.Second, AnalystOverdue: 5 * time.Second, Log: zerolog.New(os.Stderr),
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playParent supervises a child, tells its process id, and lives until it is killed.
func playParent(dir string) int {
	s, err := Start(context.Background(), supervisorOptions(dir, io.Discard))
	if err == nil {
		err = s.WaitReady(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(s.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// testMemory is a child's limit: enough for 100,000 rows, little enough to be hit quickly.
const testMemory = 500 << 20

func supervisorOptions(dir string, log io.Writer) SupervisorOptions {
	return SupervisorOptions{
		Command: func() *exec.Cmd {
			return exec.Command(os.Args[0], roleChild, dir, strconv.Itoa(testMemory))
		},
		Socket:       filepath.Join(dir, socketFile),
		Log:          zerolog.New(log),
		PingInterval: 100 * time.Millisecond,
		PingTimeout:  time.Second,
		PingFailures: 2,
	}
}

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// shortDir is a folder whose path leaves room for a socket's name, whatever the test is called.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chdb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// supervise starts a child over dir and waits until it answers.
func supervise(t testing.TB, dir string) *Supervisor {
	t.Helper()
	log := &testLog{t: t}
	s, err := Start(context.Background(), supervisorOptions(dir, log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := s.WaitReady(within(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

// testLog shows the log of a failed test, and only then.
type testLog struct{ t testing.TB }

func (l *testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}

func open(t testing.TB, s *Supervisor) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(s.Options(""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// engine is a child and a driver's connection to it.
func engine(t testing.TB) driver.Conn {
	t.Helper()
	return open(t, supervise(t, shortDir(t)))
}

func mustExec(t testing.TB, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(within(t), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func one[T any](t testing.TB, conn driver.Conn, sql string, args ...any) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(within(t), sql, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := within(t)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// exists says whether a process runs. A zombie does not.
func exists(pid int) bool {
	file, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var state string
		if n, _ := fmt.Sscanf(lines.Text(), "State: %s", &state); n == 1 {
			return state != "Z" && state != "X"
		}
	}
	return false
}
