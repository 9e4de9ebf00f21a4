package embedded

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// TestCrash kills a process that writes, with SIGKILL, at random moments, again and again over the same folder. After
// each time every event that was acknowledged, or that a subscriber was given, is there, once, in its place, with its
// key, and none that was never sent. KIPAY_CRASH_ROUNDS is how often, KIPAY_CRASH_SEED replays the moments.
func TestCrash(t *testing.T) {
	rounds := envNumber(t, "KIPAY_CRASH_ROUNDS", 30)
	if testing.Short() && os.Getenv("KIPAY_CRASH_ROUNDS") == "" {
		rounds = 5
	}
	seed := envNumber(t, "KIPAY_CRASH_SEED", uint64(time.Now().UnixNano()))
	t.Logf("KIPAY_CRASH_ROUNDS=%d KIPAY_CRASH_SEED=%d", rounds, seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	ledger := &crashLedger{events: make(map[uuid.UUID]*crashEvent)}
	verified := eventstore.Position(0)
	for round := range rounds {
		killWhileWriting(t, dir, rng, ledger)
		// The whole folder is checked each time while it is small, later now and then.
		whole := round < 30 || round%50 == 0 || round == rounds-1
		var err error
		if verified, err = verifyAfterCrash(t, dir, ledger, verified, whole); err != nil {
			t.Fatalf("round %d of seed %d: %v", round, seed, err)
		}
	}
	t.Logf("%d events survived %d kills", verified, rounds)
}

func envNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s: %v", name, text, err)
	}
	return n
}

// killWhileWriting runs the writer until a random moment: after so many of its lines, or, one time out of four, after
// so many microseconds, which is often while it still recovers from the last time.
func killWhileWriting(t *testing.T, dir string, rng *rand.Rand, ledger *crashLedger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=write", childDirEnv+"="+dir, childSeedEnv+"="+strconv.FormatUint(rng.Uint64(), 10))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = child.Process.Kill() }
	lines := 1 + rng.IntN(3000)
	if rng.IntN(4) == 0 {
		timer := time.AfterFunc(time.Duration(rng.IntN(100_000))*time.Microsecond, kill)
		defer timer.Stop()
		lines = 1 << 30
	}
	start := ledger.lines
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if err := ledger.hear(scanner.Bytes()); err != nil {
			t.Errorf("the child: %v", err)
			kill()
			break
		}
		if ledger.lines-start == lines {
			kill() // what it said until it died is still in the pipe
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// verifyAfterCrash opens the folder and holds what is new in it against the ledger. It answers the new head.
func verifyAfterCrash(t *testing.T, dir string, ledger *crashLedger, verified eventstore.Position, whole bool) (eventstore.Position, error) {
	t.Helper()
	ctx := context.Background()
	s, err := Open(dir, Options{Logf: t.Logf})
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }()
	head, err := s.Head(ctx)
	if err != nil {
		return 0, err
	}
	if head < verified {
		return 0, fmt.Errorf("the head is %d, it was %d", head, verified)
	}
	for verified < head {
		records, err := s.ReadAll(ctx, verified, eventstore.Forward, 1000)
		if err != nil {
			return 0, err
		}
		for _, rec := range records {
			if rec.Position != verified+1 {
				return 0, fmt.Errorf("position %d follows %d", rec.Position, verified)
			}
			verified = rec.Position
			if err := ledger.verify(rec); err != nil {
				return 0, err
			}
			key, err := s.GetKey(ctx, crashKey(rec.ID))
			if err != nil || uuid.UUID(key) != rec.ID {
				return 0, fmt.Errorf("position %d: its key: %x, %w", rec.Position, key, err)
			}
		}
	}
	for id, e := range ledger.events {
		if e.position != 0 {
			return 0, fmt.Errorf("event %s is lost: %+v", id, *e)
		}
		delete(ledger.events, id) // sent, never acknowledged, and not there
	}
	if whole {
		if _, err := s.Check(ctx, nil, nil); err != nil {
			return 0, err
		}
	}
	return head, nil
}
