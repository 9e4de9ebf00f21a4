package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

func TestCheckAsksTheDecoderAndReportsProgress(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	const appends, each = 20, 1000
	for i := range appends {
		events := make([]eventstore.NewEvent, each)
		for j := range events {
			events[j] = eventstore.NewEvent{ID: uuid.New(), Type: "Small", Data: []byte("{}")}
		}
		events[7].Type = fmt.Sprintf("Odd%d", i)
		if _, err := s.Append(t.Context(), fmt.Sprintf("order-%d", i), eventstore.NoStream, events...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PutKeyIfAbsent(t.Context(), "customer-1", []byte("key")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "order-0", each-1); err != nil {
		t.Fatal(err)
	}
	phases := make(map[CheckPhase]CheckProgress)
	calls := 0
	report, err := s.Check(t.Context(), func(rec eventstore.Record) error {
		if rec.Type == "Odd3" {
			return errors.New("no such event")
		}
		return nil
	}, func(p CheckProgress) {
		calls++
		if p.Phase != CheckingKeys && p.Done > p.Total || p.Done < phases[p.Phase].Done {
			t.Errorf("%+v after %+v", p, phases[p.Phase])
		}
		phases[p.Phase] = p
	})
	if !errors.Is(err, eventstore.ErrCorrupt) || len(report.Problems) != 1 ||
		!strings.Contains(report.Problems[0], "order-3 revision 7, Odd3") || !strings.Contains(err.Error(), "no such event") {
		t.Fatalf("%v: %q", err, report.Problems)
	}
	if report.Events != appends*each || report.Streams != appends || report.Keys != 1 || report.Head != appends*each {
		t.Fatalf("%+v", report)
	}
	if phases[CheckingLog].Done != appends*each || phases[CheckingIndex].Done != appends*each || calls < 5 {
		t.Fatalf("%d calls: %+v", calls, phases)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Check(ctx, func(eventstore.Record) error { cancel(); return nil }, nil)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a check that was cancelled: %v", err)
	}
}

func TestCheckWhileWritersRace(t *testing.T) {
	s := open(t, t.TempDir(), Options{MemTableBytes: 1})
	var group errgroup.Group
	for w := range 4 {
		group.Go(func() error {
			for i := range 300 {
				if _, err := s.Append(t.Context(), fmt.Sprintf("w-%d", w), eventstore.Revision(i-1), benchEvent(uuid.New())); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for range 20 {
			if report, err := s.Check(t.Context(), nil, nil); err != nil || report.Events != uint64(report.Head) {
				return fmt.Errorf("%+v: %w", report, err)
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	id := s.ID()
	newer := s.meta
	newer.Format = formatVersion + 1
	text, err := json.Marshal(newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.db.Set(aboutKey(), text, pebble.Sync), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), "has format 2") {
		t.Fatalf("a newer format: %v", err)
	}
	if id == uuid.Nil {
		t.Fatal("a store without an id")
	}
}

func TestFolderKeepsItsIdentity(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	id, created := s.ID(), s.Created()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(t, dir, Options{}); s.ID() != id || !s.Created().Equal(created) || s.Dir() != dir {
		t.Fatalf("was %s of %s, is %s of %s", id, created, s.ID(), s.Created())
	}
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	db, err := pebble.Open(dir, &pebble.Options{Logger: pebbleLogger{newFailure(t.Logf), t.Logf}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("somebody's"), []byte("data"), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, eventstore.ErrCorrupt) || !strings.Contains(err.Error(), "doesn't describe itself") {
		t.Fatalf("a foreign database: %v", err)
	}
}

// TestDestroyedKeyIsNotInTheTables looks for the key's bytes in the folder's tables, before and after.
func TestDestroyedKeyIsNotInTheTables(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{MemTableBytes: 1})
	secret := []byte(strings.ReplaceAll(uuid.NewString()+uuid.NewString(), "-", ""))
	if _, err := s.PutKeyIfAbsent(t.Context(), "customer-1", secret); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if _, err := s.PutKeyIfAbsent(t.Context(), fmt.Sprintf("customer-1-%d", i), []byte(uuid.NewString())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Append(t.Context(), "order-1", eventstore.NoStream, benchEvent(uuid.New())); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if !inTables(t, dir, secret) {
		t.Fatal("the key is not in the tables to begin with")
	}
	if err := s.DeleteKey(t.Context(), "customer-1"); err != nil {
		t.Fatal(err)
	}
	// The old table goes when nobody reads it any more.
	for deadline := time.Now().Add(30 * time.Second); inTables(t, dir, secret); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the key's bytes are still in a table")
		}
	}
	if _, err := s.GetKey(t.Context(), "customer-1-7"); err != nil {
		t.Fatal(err)
	}
}

func inTables(t *testing.T, dir string, secret []byte) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err == nil && bytes.Contains(text, secret) {
			return true
		}
	}
	return false
}
