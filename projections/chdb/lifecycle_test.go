package chdb

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

func TestWhatWasAnsweredOutlivesAKilledChild(t *testing.T) {
	s := supervise(t, shortDir(t))
	conn := open(t, s)
	mustExec(t, conn, paymentsTable)
	// Killed again and again, each time right after an answer.
	for round := range 3 {
		insertPayments(t, conn, round*100, 100)
		killAndAwaitNext(t, s, syscall.SIGKILL)
		if n := one[uint64](t, conn, "SELECT count() FROM payments FINAL"); n != uint64(round+1)*100 {
			t.Fatalf("round %d: %d rows", round, n)
		}
	}
	if n := s.Restarts(); n != 3 {
		t.Errorf("%d restarts", n)
	}
}

func TestAWedgedChildIsReplaced(t *testing.T) {
	s := supervise(t, shortDir(t))
	conn := open(t, s)
	mustExec(t, conn, paymentsTable)
	insertPayments(t, conn, 0, 100)
	killAndAwaitNext(t, s, syscall.SIGSTOP)
	if n := one[uint64](t, conn, "SELECT count() FROM payments"); n != 100 {
		t.Errorf("%d rows", n)
	}
}

// killAndAwaitNext signals the child and waits until another one answers.
func killAndAwaitNext(t *testing.T, s *Supervisor, signal syscall.Signal) {
	t.Helper()
	before := s.PID()
	if err := syscall.Kill(before, signal); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another child is ready", func() bool { return s.Ready() && s.PID() != before })
	eventually(t, "the old child is gone", func() bool { return !exists(before) })
}

func TestAChildEndsWithItsParent(t *testing.T) {
	for name, stopped := range map[string]bool{"running": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			parent := exec.CommandContext(within(t), os.Args[0], roleParent, dir)
			stdin, err := parent.StdinPipe() // held open: the parent lives as long
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = stdin.Close() }()
			stdout, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil || !exists(pid) {
				t.Fatalf("the parent said %q", line)
			}
			if stopped { // one that cannot read the end of its pipe
				if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
			}
			if err := parent.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = parent.Wait() // killed, as it says
			eventually(t, "the child is gone", func() bool { return !exists(pid) })
			// And its folder is free for the next.
			conn := open(t, supervise(t, dir))
			if n := one[uint8](t, conn, "SELECT 1"); n != 1 {
				t.Error(n)
			}
		})
	}
}

func TestARunawayQueryMeetsTheMemoryLimit(t *testing.T) {
	s := supervise(t, shortDir(t))
	conn := open(t, s)
	for _, sql := range []string{
		"SELECT length(groupArray(number)) FROM numbers(10000000000)",
		"SELECT uniqExact(number) FROM numbers(10000000000)",
	} {
		err := conn.Exec(within(t), sql)
		var e *clickhouse.Exception
		if !errors.As(err, &e) || e.Code != 241 {
			t.Errorf("%s: %v, want code 241", sql, err)
		}
		if n := one[uint8](t, conn, "SELECT 1"); n != 1 {
			t.Error("the next one did not work")
		}
	}
	if n := s.Restarts(); n != 0 {
		t.Errorf("the child ended %d times", n)
	}
}

const endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 5"

func TestInsertsDoNotWaitForHeavyReads(t *testing.T) {
	s := supervise(t, shortDir(t))
	conn := open(t, s)
	mustExec(t, conn, paymentsTable)
	readers := readerCount(t)

	heavy, cancel := context.WithCancel(context.Background())
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	ended := make(chan error, readers)
	run := func() { all.Go(func() { ended <- conn.Exec(heavy, endless) }) }
	for range readers - 1 {
		run()
	}
	eventually(t, "the heavy reads run", func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 5'") == uint64(readers-1)
	})
	run() // the last free reader; whatever reads now has to wait
	began := time.Now()
	insertPayments(t, conn, 0, 100)
	t.Logf("an insert took %s beside %d heavy reads", time.Since(began), readers)
	select {
	case err := <-ended:
		t.Fatalf("a heavy read ended: %v", err)
	default:
	}
	// Those that wait leave the queue when their caller goes, and those that run are stopped.
	waiting, leave := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer leave()
	eventually(t, "a read that waits is given up", func() bool { return waiting.Err() != nil || conn.Exec(waiting, "SELECT 1") != nil })
	cancel()
	if n := one[uint64](t, conn, "SELECT count() FROM payments"); n != 100 {
		t.Errorf("%d rows", n)
	}
	eventually(t, "the heavy reads are stopped in the engine", func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 5'") == 0
	})
}

func readerCount(t *testing.T) int {
	t.Helper()
	o, err := Options{Dir: "d", Socket: "s"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return o.Readers
}

func TestMaxExecutionTimeIsKept(t *testing.T) {
	conn := engine(t)
	ctx := clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": "0.2"}))
	err := conn.Exec(ctx, endless)
	var e *clickhouse.Exception
	if !errors.As(err, &e) || e.Code != codeTimeoutExceeded {
		t.Errorf("%v, want code %d", err, codeTimeoutExceeded)
	}
}

func TestTheChildKnowsNoSecrets(t *testing.T) {
	t.Setenv("KIPAY_MASTER_KEY", "do not tell")
	t.Setenv("KIPAY_CLICKHOUSE", "clickhouse://user:password@host/")
	s := supervise(t, shortDir(t))
	environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID()), "environ"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{LibraryEnv: true}
	for _, name := range inherited {
		allowed[name] = true
	}
	for line := range strings.SplitSeq(strings.TrimRight(string(environment), "\x00"), "\x00") {
		if name, _, _ := strings.Cut(line, "="); !allowed[name] {
			t.Errorf("the child knows %s", name)
		}
	}
	info, err := os.Stat(s.opts.Socket)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the socket's mode is %o", mode)
	}
}

func TestCloseLetsTheChildFinish(t *testing.T) {
	dir := shortDir(t)
	var log lockedBuffer
	s, err := Start(context.Background(), supervisorOptions(dir, &log))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WaitReady(within(t)); err != nil {
		t.Fatal(err)
	}
	conn := open(t, s)
	pid := s.PID()
	slow := make(chan error, 1)
	go func() { slow <- conn.Exec(context.Background(), "SELECT sleep(1)") }()
	eventually(t, "the statement runs", func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query = 'SELECT sleep(1)'") == 1
	})
	if err := s.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-slow; err != nil {
		t.Errorf("a statement that ran was not finished: %v", err)
	}
	if exists(pid) {
		t.Error("the child is still there")
	}
	if !strings.Contains(log.String(), "the engine is closed") {
		t.Errorf("the engine was not closed:\n%s", log.String())
	}
	if err := s.WaitReady(within(t)); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
	if err := conn.Exec(within(t), "SELECT 1"); err == nil {
		t.Error("a statement was answered after the end")
	}
}

func TestACommandThatFailsIsTriedAgain(t *testing.T) {
	dir := shortDir(t)
	options := supervisorOptions(dir, io.Discard)
	options.Command = func() *exec.Cmd { return exec.Command("/bin/false") }
	options.BackoffMin, options.BackoffMax = time.Millisecond, 10*time.Millisecond
	s, err := Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is started again", func() bool { return s.Restarts() >= 3 })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.WaitReady(ctx); !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("%v does not say why", err)
	}
	if _, err := s.DialContext(within(t), ""); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
	if err := s.Close(within(t)); err != nil {
		t.Error(err)
	}
}

func TestAFolderHasOneOwner(t *testing.T) {
	dir := shortDir(t)
	first, err := lockFolder(within(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*lockRetry)
	defer cancel()
	if _, err := lockFolder(ctx, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second owner: %v", err)
	}
	next := make(chan error, 1)
	go func() {
		lock, err := lockFolder(within(t), dir)
		if err == nil {
			err = lock.Close()
		}
		next <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-next; err != nil {
		t.Errorf("it is not free after its owner left: %v", err)
	}
}

func TestSocketPathsAreShort(t *testing.T) {
	dir := shortDir(t)
	if got, err := SocketPath(dir); err != nil || got != filepath.Join(dir, socketFile) {
		t.Errorf("%s %v", got, err)
	}
	tmp := shortDir(t)
	t.Setenv("TMPDIR", tmp)
	deep := filepath.Join(dir, strings.Repeat("deep/", 40))
	got, err := SocketPath(deep)
	if err != nil || !strings.HasPrefix(got, tmp) || len(got) > maxSocketPath {
		t.Fatalf("%s %v", got, err)
	}
	if again, err := SocketPath(deep); err != nil || again != got {
		t.Errorf("%s, then %s %v", got, again, err)
	}
	if other, err := SocketPath(deep + "er"); err != nil || other == got {
		t.Errorf("two folders share %s %v", other, err)
	}
	if err := os.Chmod(filepath.Dir(got), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := SocketPath(deep); err == nil {
		t.Error("a folder that others can enter was taken")
	}
}

func TestAMissingLibrarySaysWhatToDo(t *testing.T) {
	options := supervisorOptions(shortDir(t), io.Discard)
	options.Library = "/nowhere/libchdb.so"
	_, err := Start(context.Background(), options)
	if err == nil || !strings.Contains(err.Error(), "make deps") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	t.Setenv(LibraryEnv, "/elsewhere/libchdb.so")
	if _, err := LibraryPath(""); err == nil || !strings.Contains(err.Error(), "/elsewhere/libchdb.so") {
		t.Errorf("%v", err)
	}
}

func TestTheChildsWordsComeInLines(t *testing.T) {
	var log lockedBuffer
	lines := &lineLogger{log: zerolog.New(&log)}
	for _, piece := range []string{"one", " line\n\ntwo\n", `{"level":"error","message":"own","n":1}` + "\n", strings.Repeat("x", 3*maxLine), "\nend"} {
		if _, err := lines.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	lines.flush()
	got := strings.Split(strings.TrimSpace(log.String()), "\n")
	long := `{"level":"warn","from":"readmodel","message":"` + strings.Repeat("x", maxLine) + `"}`
	want := []string{
		`{"level":"warn","from":"readmodel","message":"one line"}`, `{"level":"warn","from":"readmodel","message":"two"}`,
		`{"level":"error","readmodel":{"level":"error","message":"own","n":1},"message":"own"}`, long, long, long,
		`{"level":"warn","from":"readmodel","message":"end"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// lockedBuffer is a log that a test reads while others write.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
