package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var errTooFew = errors.New("too few payments")

// fails runs a verb that has to end with the code and say so.
func (in *instance) fails(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	if out, got := in.verb(t, args...); got != code || !strings.Contains(out, says) {
		t.Errorf("kipay %v: exit %d, want %d with %q: %s", args, got, code, says, out)
	}
}

// elsewhere is an instance with an empty data folder that isn't started.
func elsewhere(t *testing.T) *instance {
	t.Helper()
	return newInstance(t, t.TempDir(), quick(nil))
}

// alone is an install with a merchant, which no server runs on.
func alone(t *testing.T) *instance {
	t.Helper()
	in := elsewhere(t)
	in.cli(t, "merchant", "create", "--name", "Duka", "--email", "owner@example.com")
	return in
}

func TestRestoreRefusesWhatIsNotFitAndLeavesNothingLive(t *testing.T) {
	t.Parallel()
	in, vault, other := alone(t), newSafe(t), newSafe(t)
	store := filepath.Join(t.TempDir(), "backup")
	in.fails(t, 2, "did you mean", "backup", "verfy")
	in.fails(t, 2, "inside the data folder", "backup", filepath.Join(in.data, "backup"))
	in.cli(t, "backup", store)
	in.cli(t, "keys", "recovery", "--recipient", vault.recipient, "--out", vault.bundle)
	bundle, err := os.ReadFile(vault.bundle)
	if err != nil || !strings.HasPrefix(string(bundle), "-----BEGIN AGE ENCRYPTED FILE-----") || strings.Contains(string(bundle), strings.TrimSpace(in.masterKeyFile(t))) {
		t.Errorf("the bundle: %.60s, %v", bundle, err)
	}
	if info, err := os.Stat(vault.bundle); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	in.fails(t, 1, "is there already", "keys", "recovery", "--recipient", vault.recipient, "--out", vault.bundle)
	in.fails(t, 2, "--recipient", "keys", "recovery")
	if out, code := in.verb(t, "keys", "recovery", "--recipient", "AGE-SECRET-KEY-1NOTAKEY"); code != 2 || strings.Contains(out, "NOTAKEY") {
		t.Errorf("exit %d: %s", code, out)
	}

	in.fails(t, 1, "is not empty", "restore", store)
	target := elsewhere(t)
	target.fails(t, 2, "go together", "restore", store, "--recovery", vault.bundle)
	target.fails(t, 1, "did not match any of the recipients", "restore", store, "--recovery", vault.bundle, "--identity", other.identity)
	target.fails(t, 1, "no such restore point", "restore", store, "--at", "2020-01-01T00:00:00Z")
	target.fails(t, 1, "holds no backup", "restore", t.TempDir())
	if entries, err := os.ReadDir(target.data); err == nil && len(entries) > 0 {
		t.Errorf("a refusal left %v", entries)
	}

	// A restore that finds damage half way leaves nothing that a server would take for an install, and can be run again.
	segments, err := filepath.Glob(filepath.Join(store, "log", "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("%v, %v", segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]byte(nil), whole...)
	broken[len(broken)-2] ^= 1
	if err := os.WriteFile(segments[0], broken, 0o600); err != nil {
		t.Fatal(err)
	}
	in.fails(t, 3, "backup damaged", "backup", "verify", store)
	target.fails(t, 3, "backup damaged", "restore", store, "--recovery", vault.bundle, "--identity", vault.identity)
	target.fails(t, 1, "did not end", "merchant", "create", "--name", "Duka", "--email", "owner@example.com")
	target.fails(t, 1, "did not end", "serve")
	if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	target.cli(t, "restore", store, "--recovery", vault.bundle, "--identity", vault.identity)
	if target.masterKeyFile(t) != in.masterKeyFile(t) {
		t.Error("the master key is another one")
	}
	target.cli(t, "fsck")
	entries, err := os.ReadDir(target.data)
	if err != nil || len(entries) != 3 { // the log, the key, and the name of the server that was refused
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// The key file was lost and the log is there: the bundle is enough, and nothing that is there is written over.
func TestKeysRecoverPutsTheMasterKeyBack(t *testing.T) {
	t.Parallel()
	in, vault := alone(t), newSafe(t)
	in.cli(t, "keys", "recovery", "--recipient", newSafe(t).recipient, "--recipient", vault.recipient, "--out", vault.bundle)
	own := in.masterKeyFile(t)
	in.putMasterKeyFile(t, strings.Repeat("A", 43)+"=\n")
	in.fails(t, 1, "another master key", "keys", "recover", "--in", vault.bundle, "--identity", vault.identity)
	if err := os.Remove(filepath.Join(in.data, "master.key")); err != nil {
		t.Fatal(err)
	}
	in.fails(t, 1, "master.key is missing", "fsck")
	in.cli(t, "keys", "recover", "--in", vault.bundle, "--identity", vault.identity)
	if in.masterKeyFile(t) != own {
		t.Error("the master key is another one")
	}
	in.cli(t, "fsck")

	// Without a bundle a restore is checked as far as that goes, and the key can follow.
	store, target := filepath.Join(t.TempDir(), "backup"), elsewhere(t)
	in.cli(t, "backup", store)
	if out := target.cli(t, "restore", store); !strings.Contains(out, "No master key was given") {
		t.Error(out)
	}
	target.fails(t, 1, "master.key is missing", "fsck")
	target.cli(t, "keys", "recover", "--in", vault.bundle, "--identity", vault.identity)
	target.cli(t, "fsck")
}

// An event store server has backups of its own, and its keys a bundle as well.
func TestWithAServerTheKeysHaveABundleAndTheLogIsRefused(t *testing.T) {
	t.Parallel()
	_, connection := startStore(t)
	in := newInstance(t, t.TempDir(), settings{"EVENTSTORE": connection, "MASTER_KEY": newMasterKey(t)})
	eventually(t, 30*time.Second, "the store serves", func() error {
		if out, code := in.verb(t, "merchant", "create", "--name", "Duka", "--email", "owner@example.com"); code != 0 {
			return errors.New(out)
		}
		return nil
	})
	vault := newSafe(t)
	in.fails(t, 2, "docs/kurrentdb.md", "backup", filepath.Join(t.TempDir(), "backup"))
	in.fails(t, 2, "docs/kurrentdb.md", "restore", t.TempDir())
	in.cli(t, "keys", "recovery", "--recipient", vault.recipient, "--out", vault.bundle)
	another := newInstance(t, t.TempDir(), settings{"EVENTSTORE": connection})
	if out := another.cli(t, "keys", "recover", "--in", vault.bundle, "--identity", vault.identity); !strings.Contains(out, "0 of 2 derivation and signing keys were missing") {
		t.Error(out)
	}
	another.cli(t, "merchant", "list")
}
