package embedded

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// beingWritten is a store whose committer is building a group that holds the key, while the log is being synced: the
// group waits until openGate is called.
func beingWritten(t *testing.T, name, wrapped string) (s *Store, openGate func()) {
	t.Helper()
	gate := newGateFS()
	s = open(t, "/db", Options{FS: gate})
	openGate = sync.OnceFunc(func() { close(gate.shut) })
	t.Cleanup(openGate)
	gate.armed.Store(true)
	commits := s.stats.commits.Load()
	for _, stream := range []string{"order-1", "order-2"} {
		go func() {
			if _, err := s.Append(context.Background(), stream, eventstore.NoStream, benchEvent(uuid.New())); err != nil {
				t.Error(err)
			}
		}()
		if stream == "order-1" {
			until(t, func() bool { return s.stats.commits.Load() == commits+1 })
			until(t, func() bool { // the committer waits again: a key that is put before it does is written at once, alone
				s.queue.mu.Lock()
				defer s.queue.mu.Unlock()
				return s.queue.wakeAt == 1
			})
			put(t, s, name, wrapped)
		}
	}
	until(t, func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.callers == 2
	})
	s.queue.poke()
	until(t, func() bool {
		s.keys.mu.Lock()
		defer s.keys.mu.Unlock()
		return s.keys.writing[name] != nil
	})
	return s, openGate
}

func put(t *testing.T, s *Store, name, wrapped string) {
	t.Helper()
	if got, err := s.PutKeyIfAbsent(t.Context(), name, []byte(wrapped)); err != nil || string(got) != wrapped {
		t.Fatalf("put %s: %q, %v", name, got, err)
	}
}

// queued starts the call, which ends when the committer has taken what it queues, and puts another key before that.
func queued(t *testing.T, s *Store, call func() error) <-chan error {
	t.Helper()
	put(t, s, "customer-other", "other")
	done := make(chan error, 1)
	go func() { done <- call() }()
	until(t, func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.callers == 3
	})
	s.queue.poke()
	until(t, func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return len(s.queue.waiting) == 0
	})
	return done
}

// A key that is destroyed while the group that writes it is still being built was written once more by the group after,
// and came back.
func TestKeyDestroyedWhileItIsBeingWrittenStaysDestroyed(t *testing.T) {
	s, openGate := beingWritten(t, "customer-1", "key")
	done := queued(t, s, func() error { return s.DeleteKey(t.Context(), "customer-1") })
	openGate()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	if got, err := s.GetKey(t.Context(), "customer-1"); !errors.Is(err, eventstore.ErrKeyNotFound) {
		t.Fatalf("the destroyed key is back: %q, %v", got, err)
	}
}

// A key that is rewrapped while the group that writes it is still being built fell back to its old wrapping, which
// nothing opens once the old master key is gone.
func TestKeyReplacedWhileItIsBeingWrittenStaysReplaced(t *testing.T) {
	s, openGate := beingWritten(t, "customer-1", "old")
	done := queued(t, s, func() error { return s.ReplaceKey(t.Context(), "customer-1", []byte("old"), []byte("new")) })
	openGate()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	if got, err := s.GetKey(t.Context(), "customer-1"); err != nil || string(got) != "new" {
		t.Fatalf("the key is %q, %v", got, err)
	}
}

// settle has everything that is pending written.
func settle(t *testing.T, s *Store) {
	t.Helper()
	for i := range 3 {
		if _, err := s.Append(t.Context(), "settle", eventstore.Revision(i-1), benchEvent(uuid.New())); err != nil {
			t.Fatal(err)
		}
	}
}
