package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/benfex/kipay/eventstore/embedded"
)

// stoppedShop is the data folder of a server that took payments and was stopped.
func stoppedShop(t *testing.T) *instance {
	t.Helper()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	m := newShop(t, in)
	m.post("/api/transactions/initialize", `{"amount":100,"email":"a@example.com","payment_channel_id":`+m.card+`}`)
	if code := in.terminate(t, 40*time.Second); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	in.cli(t, "fsck")
	return in
}

// finds runs fsck, which has to end with its own exit code and say all this, as text and as JSON.
func (in *instance) finds(t *testing.T, says ...string) {
	t.Helper()
	for _, args := range [][]string{{"fsck"}, {"fsck", "--json"}} {
		out, code := in.verb(t, args...)
		if code != 3 {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
		for _, want := range append(says, map[bool]string{true: `"problems":["`}[len(args) > 1]) {
			if !strings.Contains(out, want) {
				t.Errorf("%v doesn't say %q: %s", args, want, out)
			}
		}
	}
}

// behindTheBack changes what the event store holds while no server runs.
func (in *instance) behindTheBack(t *testing.T, change func(context.Context, *embedded.Store) error) {
	t.Helper()
	s, err := embedded.Open(filepath.Join(in.data, "events"), embedded.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	if err := change(t.Context(), s); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A key that was lost passed for one that was destroyed: fsck called a log sound that nobody could read any more.
func TestFsckFindsKeysThatAreGoneOrDamaged(t *testing.T) {
	t.Parallel()
	in := stoppedShop(t)
	in.behindTheBack(t, func(ctx context.Context, s *embedded.Store) error {
		_, err := s.PutKeyIfAbsent(ctx, "customer-nobody", []byte("no wrapped key"))
		return err
	})
	in.finds(t, "wrapped key customer-nobody: unknown format")
	in.behindTheBack(t, func(ctx context.Context, s *embedded.Store) error { return s.DeleteKey(ctx, "customer-nobody") })
	in.cli(t, "fsck")
	// Destroying a key is noted. Below the store, it is lost.
	db, err := pebble.Open(filepath.Join(in.data, "events"), &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quietLogger{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Delete([]byte("kchannel-1"), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	in.finds(t, "PaymentChannelCreated", "the key of channel-1 that it is sealed with is gone")
}

// quietLogger drops what Pebble tells.
type quietLogger struct{}

func (quietLogger) Infof(string, ...any)  {}
func (quietLogger) Errorf(string, ...any) {}
func (quietLogger) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

func TestFsckOfAFolderThatCannotBeOpenedIsAFinding(t *testing.T) {
	t.Parallel()
	in := stoppedShop(t)
	tables, err := filepath.Glob(filepath.Join(in.data, "events", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, name := range tables {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	in.finds(t, "event store corrupt", "file does not exist")
}

func TestAFlippedByteIsAFindingOfTheAuditToo(t *testing.T) {
	t.Parallel()
	in := stoppedShop(t)
	in.cli(t, "audit", "check")
	tables, err := filepath.Glob(filepath.Join(in.data, "events", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, name := range tables {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/4] ^= 1
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"fsck"}, {"audit", "check"}} {
		out, code := in.verb(t, args...)
		if code != 3 || !strings.Contains(out, "corrupt") || !strings.Contains(out, ".sst") || strings.Contains(out, "carrier>") {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
	}
}
