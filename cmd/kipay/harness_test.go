package main_test

import (
	"bufio"
	"bytes"
	cryptorand "crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// instance is a `kipay serve`, or a `kipay sandbox`, that runs as its own process.
type instance struct {
	home string // folder of the logs and the data
	data string
	base string // http://…
	sim  string // the simulators' address
	args []string
	env  []string
	// store is the event store server that only this instance uses, nil where the event store is in its folder.
	store *instance

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{}
	files  []*os.File
	starts int
}

// settings are KIPAY_ variables without the prefix.
type settings map[string]string

// quick are the settings of most tests: simulators fifty times as fast, short windows, no rate limit in the way.
func quick(more settings) settings {
	s := settings{
		"SANDBOX": "true", "SANDBOX_SPEED": "50", "RATE_LIMIT": "1000000-M", "PUSH_WINDOW": "9s", "STATUS_QUERY_AFTER": "300ms",
		"C2B_WAIT": "1s", "ENGINE_MEMORY_MB": "512", "TRUSTED_PROXIES": "127.0.0.1",
	}
	for k, v := range more {
		s[k] = v
	}
	return s
}

// addrs are those that were given to servers, which may be down for a moment: nobody else gets them.
var addrs sync.Map

// freeAddr is a loopback address that nobody listens on, below the ports that outgoing connections get, so that it is still
// free when a server is started on it again.
func freeAddr() string {
	for {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(15000+rand.IntN(15000)))
		if _, given := addrs.LoadOrStore(addr, true); given {
			continue
		}
		if ln, err := net.Listen("tcp", addr); err == nil {
			_ = ln.Close()
			return addr
		}
	}
}

// launch starts `kipay serve` in a folder of its own and waits until it is ready, read models too.
func launch(t *testing.T, s settings) *instance {
	t.Helper()
	in := begin(t, s)
	in.awaitReady(t)
	return in
}

// begin is launch without the waiting.
func begin(t *testing.T, s settings) *instance {
	t.Helper()
	in := newInstance(t, t.TempDir(), s)
	t.Cleanup(in.stop)
	t.Cleanup(func() { in.explain(t) })
	in.start(t)
	return in
}

// newInstance is an instance that isn't started yet. Its event store, where that is a server, stops with the test.
func newInstance(t *testing.T, home string, s settings) *instance {
	t.Helper()
	in := prepare(t, home, s)
	if in.store != nil {
		t.Cleanup(in.store.stop)
	}
	return in
}

// prepare is newInstance for one that outlives the test: who asks for it stops its event store.
func prepare(t *testing.T, home string, s settings) *instance {
	t.Helper()
	in := &instance{home: home, data: filepath.Join(home, "data"), args: []string{"serve"}}
	if onServer() && s["EVENTSTORE"] == "" && s["DATA_DIR"] == "" {
		in.store, s["EVENTSTORE"] = openStore(t, filepath.Join(home, "store"))
		s["MASTER_KEY"] = newMasterKey(t)
	}
	for name, value := range map[string]string{"HTTP_ADDR": freeAddr(), "SANDBOX_ADDR": freeAddr(), "DATA_DIR": in.data} {
		if s[name] == "" {
			s[name] = value
		}
	}
	in.base, in.sim, in.data = "http://"+s["HTTP_ADDR"], "http://"+s["SANDBOX_ADDR"], s["DATA_DIR"]
	in.env = environment()
	for name, value := range s {
		in.env = append(in.env, "KIPAY_"+name+"="+value)
	}
	return in
}

// startStore starts `kipay eventstore` on a log of its own, which stops with the test, and answers how to connect to it.
func startStore(t *testing.T) (store *instance, connection string) {
	t.Helper()
	store, connection = openStore(t, t.TempDir())
	t.Cleanup(store.stop)
	return store, connection
}

func openStore(t *testing.T, home string) (store *instance, connection string) {
	t.Helper()
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr()
	store = &instance{home: home, args: []string{"eventstore", "--addr", addr, "--data-dir", filepath.Join(home, "log")}, env: environment()}
	store.start(t)
	return store, "esdb://" + addr + "?tls=false"
}

// onServer tells whether servers are tried on event stores that are servers too: KIPAY_TEST_EVENTSTORE=server. Tests of what
// only a log in the node's own folder has say so in their settings.
func onServer() bool { return os.Getenv("KIPAY_TEST_EVENTSTORE") == "server" }

// newMasterKey is a master key as KIPAY_MASTER_KEY takes it.
func newMasterKey(t *testing.T) string {
	t.Helper()
	var key [32]byte
	if _, err := cryptorand.Read(key[:]); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(key[:])
}

// launchSandbox starts the simulators on their own, so that they outlive the server that talks to them.
func launchSandbox(t *testing.T, speed string) *instance {
	t.Helper()
	addr := freeAddr()
	in := &instance{home: t.TempDir(), sim: "http://" + addr, args: []string{"sandbox", "--addr", addr, "--speed", speed}, env: environment()}
	t.Cleanup(in.stop)
	in.start(t)
	eventually(t, 20*time.Second, "the sandbox answers", func() error {
		resp, err := http.Get(in.sim + "/")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	})
	return in
}

// environment is this process's own, without anything of Kipay's except where the engine's library is.
func environment() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "KIPAY_") || strings.HasPrefix(e, "KIPAY_CHDB_LIB=") {
			out = append(out, e)
		}
	}
	return out
}

// start starts the process, again if it has run before: on the same addresses and data.
func (in *instance) start(t *testing.T, more ...string) {
	t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.starts++
	cmd := exec.Command(binary, in.args...)
	cmd.Env = append(append([]string(nil), in.env...), more...)
	cmd.Dir = in.home
	dieWithTest(cmd)
	stdout, stderr := in.open(t, "out.log"), in.open(t, "err.log")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %v: %v", in.args, err)
	}
	ended := make(chan struct{})
	in.cmd, in.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
}

func (in *instance) open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(in.home, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	in.files = append(in.files, f)
	return f
}

// awaitReady waits until the server takes payments and its read models answer.
func (in *instance) awaitReady(t *testing.T) {
	t.Helper()
	eventually(t, 60*time.Second, "the server is ready", func() error {
		if in.hasEnded() {
			t.Fatalf("the server has stopped: %s", in.tail(5))
		}
		resp, err := http.Get(in.base + "/readyz")
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		var body struct{ Status string }
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			return err
		}
		if body.Status != "ready" {
			return errors.New(body.Status)
		}
		return nil
	})
}

// hasEnded tells whether the process is gone.
func (in *instance) hasEnded() bool {
	select {
	case <-in.ended:
		return true
	default:
		return false
	}
}

// signal sends the process a signal.
func (in *instance) signal(sig syscall.Signal) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cmd != nil {
		_ = in.cmd.Process.Signal(sig)
	}
}

// kill ends the process as a power cut would, and waits until it is gone.
func (in *instance) kill() {
	in.signal(syscall.SIGKILL)
	<-in.ended
}

// checks are the verbs that look whether everything is as it should be.
func (in *instance) checks() []string {
	if in.store != nil {
		return []string{"verify"}
	}
	return []string{"fsck", "verify"}
}

// terminate asks the process to stop, and answers its exit code.
func (in *instance) terminate(t *testing.T, within time.Duration) int {
	t.Helper()
	in.signal(syscall.SIGTERM)
	select {
	case <-in.ended:
	case <-time.After(within):
		t.Fatalf("the process was told to stop and did not within %s: %s", within, in.tail(5))
	}
	return in.cmd.ProcessState.ExitCode()
}

// stop ends the process in order, or by force when that takes too long.
func (in *instance) stop() {
	in.mu.Lock()
	cmd, ended := in.cmd, in.ended
	in.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(45 * time.Second):
		_ = cmd.Process.Kill()
		<-ended
	}
	for _, f := range in.files {
		_ = f.Close()
	}
}

// engine is the process of the embedded ClickHouse engine.
func (in *instance) engine(t *testing.T) int {
	t.Helper()
	var pid int
	eventually(t, 20*time.Second, "the engine runs", func() error {
		if pid = in.engineNow(); pid == 0 {
			return errors.New("no child serves the read models")
		}
		return nil
	})
	return pid
}

// engineNow is the engine's process, 0 while there is none.
func (in *instance) engineNow() int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", in.cmd.Process.Pid))
	for _, task := range tasks {
		raw, _ := os.ReadFile(task)
		for _, child := range strings.Fields(string(raw)) {
			if line, err := os.ReadFile("/proc/" + child + "/cmdline"); err == nil && bytes.Contains(line, []byte("readmodel")) {
				pid, _ := strconv.Atoi(child)
				return pid
			}
		}
	}
	return 0
}

// log is what the server has written so far, standard output and error.
func (in *instance) log() string {
	var all []byte
	for _, name := range []string{"out.log", "err.log"} {
		raw, _ := os.ReadFile(filepath.Join(in.home, name))
		all = append(all, raw...)
	}
	return string(all)
}

func (in *instance) tail(lines int) string {
	raw, _ := os.ReadFile(filepath.Join(in.home, "err.log"))
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// explain shows the end of the server's log when the test has failed, and fails it when the server has panicked.
func (in *instance) explain(t *testing.T) {
	t.Helper()
	scan := bufio.NewScanner(strings.NewReader(in.log()))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if line := scan.Text(); strings.Contains(line, "DATA RACE") || strings.HasPrefix(line, "panic:") || strings.Contains(line, `"stack":`) {
			t.Errorf("the server broke: %.2000s", line)
		}
	}
	if t.Failed() {
		t.Logf("the end of the server's log:\n%s", in.tail(15))
	}
}

// cli runs a verb on the instance's data folder, and answers what it printed.
func (in *instance) cli(t *testing.T, args ...string) string {
	t.Helper()
	out, code := in.verb(t, args...)
	if code != 0 {
		t.Fatalf("kipay %v: exit %d: %s", args, code, out)
	}
	return out
}

// verb is cli with the exit code; what went to standard error is answered when it is not 0.
func (in *instance) verb(t *testing.T, args ...string) (string, int) {
	t.Helper()
	return in.verbWith(t, "", args...)
}

// verbWith is verb with something on standard input.
func (in *instance) verbWith(t *testing.T, stdin string, args ...string) (string, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = in.env, strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return stderr.String() + stdout.String(), exit.ExitCode()
	case err != nil:
		t.Fatalf("kipay %v: %v", args, err)
	}
	return stdout.String(), 0
}

var (
	sharedMu sync.Mutex
	shared   = map[string]*instance{}
)

// common is a server that several tests share; each brings merchants of its own.
func common(t *testing.T, name string, s settings) *instance {
	t.Helper()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	in, ok := shared[name]
	if !ok {
		home, err := os.MkdirTemp("", "kipay-test-"+name+"-")
		if err != nil {
			t.Fatal(err)
		}
		in = prepare(t, home, s)
		in.start(t)
		shared[name] = in
		in.awaitReady(t)
	}
	t.Cleanup(func() { in.explain(t) })
	return in
}

// usual is the server that most tests share.
func usual(t *testing.T) *instance {
	t.Helper()
	return common(t, "usual", quick(nil))
}
