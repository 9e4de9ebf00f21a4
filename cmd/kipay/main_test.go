// The tests of this package drive the real binary as users and providers do: over HTTP, signals and the command line.
//
// harness_test.go starts servers, client_test.go speaks to them, payments_test.go pays. KIPAY_TEST_ROUNDS multiplies the
// heavy loops, KIPAY_TEST_SEED replays a random one.
package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/projections/projectionstest"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) {
	projectionstest.Child()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kipay-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "bin", "kipay")
	build := exec.Command("go", "build", raceFlag, "-ldflags=-s -w", "-o", binary, ".") // as go test links: debug information takes longer than the rest
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program under test: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	sharedMu.Lock()
	defer sharedMu.Unlock()
	for _, s := range shared {
		s.stop()
		if s.store != nil {
			s.store.stop()
		}
		_ = os.RemoveAll(s.home)
	}
	return code
}

// rounds is how often a heavy loop goes round: n, or as many times more as KIPAY_TEST_ROUNDS says.
func rounds(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("KIPAY_TEST_ROUNDS")
	if text == "" {
		return n
	}
	times, err := strconv.Atoi(text)
	if err != nil || times < 1 {
		t.Fatalf("KIPAY_TEST_ROUNDS is %q, want a number from 1", text)
	}
	return n * times
}

// seed is what the random choices of a test begin with. It is printed, and KIPAY_TEST_SEED replays it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if text := os.Getenv("KIPAY_TEST_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("KIPAY_TEST_SEED is %q, want a number", text)
		}
	}
	t.Logf("KIPAY_TEST_SEED=%d replays this", n)
	return n
}

// eventually asks again and again until try is content, and fails the test with its last complaint at the deadline. It asks
// less often the longer it takes: questions keep busy whom the answer is awaited of.
func eventually(t *testing.T, within time.Duration, what string, try func() error) {
	t.Helper()
	const first, last = 20 * time.Millisecond, 150 * time.Millisecond
	over := time.NewTimer(within)
	defer over.Stop()
	pause := first
	again := time.NewTimer(pause)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		pause = min(pause+pause/8, last)
		again.Reset(pause)
		select {
		case <-again.C:
		case <-over.C:
			t.Fatalf("%s: not within %s: %v", what, within, err)
		}
	}
}

// throughout asks until the time is over, and fails the test at the first complaint.
func throughout(t *testing.T, span time.Duration, what string, check func() error) {
	t.Helper()
	over := time.NewTimer(span)
	defer over.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := check(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case <-tick.C:
		case <-over.C:
			return
		}
	}
}

// sideBySide runs n calls of do at once and waits for all of them.
func sideBySide(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; do(i) })
	}
	runtime.Gosched()
	close(start)
	wg.Wait()
}
