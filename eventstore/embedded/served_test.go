package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

func TestFoldersAreOpenedByWhoWroteThem(t *testing.T) {
	served, own, fresh := filepath.Join(t.TempDir(), "a", "served"), t.TempDir(), filepath.Join(t.TempDir(), "fresh")
	for range 2 { // the second time it is there already
		if err := MarkServed(served); err != nil {
			t.Fatal(err)
		}
		s, err := Open(served, Options{Logf: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := RefuseServed(served); !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), "KIPAY_EVENTSTORE=esdb://") {
		t.Fatalf("kipay serve: %v", err)
	}
	s := open(t, own, Options{})
	if _, err := s.Append(t.Context(), "order-1", eventstore.NoStream, benchEvent(uuid.New())); err != nil {
		t.Fatal(err)
	}
	if err := MarkServed(own); !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), "export") {
		t.Fatalf("kipay eventstore: %v", err)
	}
	if err := RefuseServed(own); err != nil {
		t.Fatal(err)
	}
	if err := RefuseServed(fresh); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("looking made the folder: %v", err)
	}
}

func TestDropKey(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for _, name := range []string{"one", "two"} {
		if _, err := s.PutKeyIfAbsent(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // missing is no error
		if err := s.DropKey(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DropKey(t.Context(), "\x00"); !errors.Is(err, eventstore.ErrInvalid) {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	if _, err := s.GetKey(t.Context(), "one"); !errors.Is(err, eventstore.ErrKeyNotFound) {
		t.Fatal(err)
	}
	if got, err := s.GetKey(t.Context(), "two"); err != nil || string(got) != "two" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.DropKey(t.Context(), "two"); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatal(err)
	}
}
