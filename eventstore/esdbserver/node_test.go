package esdbserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nodeChecks is how many checks testdata/node/check.js has.
const nodeChecks = 14

// nodeClient is a folder with the official Node client and the checks. It is installed once for each lock file, into the
// user's cache.
func nodeClient(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile("testdata/node/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "kipay", "test-node-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err != nil {
		installNodeClient(t, dir)
	}
	script, err := os.ReadFile("testdata/node/check.js")
	if err != nil {
		t.Fatal(err)
	}
	// Beside what is installed, so that it is found; under a name of its own, so that runs don't meet.
	path := filepath.Join(dir, "check-"+hex.EncodeToString(sum[8:12])+"-"+filepath.Base(t.TempDir())+".js")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
	return path
}

func installNodeClient(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "test-node-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("testdata/node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Rename(work, dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, statErr := os.Stat(dir); statErr != nil { // unless another run was faster
			t.Fatal(err)
		}
	}
}

// TestNodeClient runs the official Node client against the server, with BatchAppend and without.
func TestNodeClient(t *testing.T) {
	script := nodeClient(t)
	for mode, options := range map[string]Options{"batch": {}, "classic": {WithoutBatchAppend: true}} {
		t.Run(mode, func(t *testing.T) {
			s := serve(t, t.TempDir(), options)
			runNode(t, script, "esdb://"+s.address+"?tls=false", mode)
		})
	}
	t.Run("gossip", func(t *testing.T) {
		s := serve(t, t.TempDir(), Options{})
		runNode(t, script, "esdb+discover://"+s.address+"?tls=false", "batch")
	})
}

func runNode(t *testing.T, script, connection, mode string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, problems bytes.Buffer
	node := exec.CommandContext(ctx, "node", script, connection, mode)
	node.Stdout, node.Stderr = &out, &problems
	err := node.Run()
	checked := 0
	for lines := bufio.NewScanner(&out); lines.Scan(); checked++ {
		name, why, failed := strings.Cut(strings.TrimPrefix(lines.Text(), "not "), ": ")
		t.Run(strings.TrimPrefix(name, "ok "), func(t *testing.T) {
			if failed {
				t.Fatal(strings.ReplaceAll(why, " | ", "\n"))
			}
		})
	}
	if err != nil || checked != nodeChecks {
		t.Fatalf("%d checks, want %d; %v\n%s", checked, nodeChecks, err, problems.String())
	}
}
