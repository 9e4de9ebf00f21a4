package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// mustPut puts a key and answers the one that is there now.
func mustPut(t *testing.T, keys eventstore.KeyStore, name, wrapped string) string {
	t.Helper()
	there, err := keys.PutKeyIfAbsent(deadline(t), name, []byte(wrapped))
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return string(there)
}

// holds fails the test unless the key is the one given, or missing if that is empty.
func holds(t *testing.T, keys eventstore.KeyStore, name, wrapped string) {
	t.Helper()
	got, err := keys.GetKey(deadline(t), name)
	if wrapped == "" {
		if !errors.Is(err, eventstore.ErrKeyNotFound) {
			t.Fatalf("get %s: %q, %v, want not found", name, got, err)
		}
		return
	}
	if err != nil || string(got) != wrapped {
		t.Fatalf("get %s: %q, %v, want %q", name, got, err, wrapped)
	}
}

func keysPutGetDelete(t *testing.T, h Harness) {
	holds(t, h.Keys, "customer-1", "")
	if got := mustPut(t, h.Keys, "customer-1", "first"); got != "first" {
		t.Fatalf("put answered %q", got)
	}
	if got := mustPut(t, h.Keys, "customer-1", "second"); got != "first" {
		t.Fatalf("put again answered %q", got)
	}
	mustPut(t, h.Keys, "customer-11", "another")
	holds(t, h.Keys, "customer-1", "first")
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, event("e"))
	holds(t, h.Keys, "customer-1", "first")
	for range 2 { // missing is no error
		if err := h.Keys.DeleteKey(deadline(t), "customer-1"); err != nil {
			t.Fatal(err)
		}
		holds(t, h.Keys, "customer-1", "")
	}
	holds(t, h.Keys, "customer-11", "another")
	mustPut(t, h.Keys, "customer-2", "never written by an append")
	if err := h.Keys.DeleteKey(deadline(t), "customer-2"); err != nil {
		t.Fatal(err)
	}
	h = h.Reopen(t)
	holds(t, h.Keys, "customer-1", "")
	holds(t, h.Keys, "customer-2", "")
	holds(t, h.Keys, "customer-11", "another")
	if got := mustPut(t, h.Keys, "customer-1", "third"); got != "third" {
		t.Fatalf("put after delete answered %q", got)
	}
	if n := len(wholeLog(t, h.Store)); n != 1 {
		t.Fatalf("%d events in the log, keys are none", n)
	}
}

func keysConcurrentPuts(t *testing.T, h Harness) {
	const names, callers = 40, 16
	ctx := deadline(t)
	got := make([][names]string, callers)
	var group errgroup.Group
	for c := range callers {
		group.Go(func() error {
			for n := range names {
				there, err := h.Keys.PutKeyIfAbsent(ctx, fmt.Sprintf("customer-%d", n), fmt.Appendf(nil, "%d by %d", n, c))
				if err != nil {
					return err
				}
				got[c][n] = string(there)
				if c%4 == 0 {
					stream := fmt.Sprintf("order-%d-%d", c, n)
					if _, err := h.Store.Append(ctx, stream, eventstore.NoStream, event("e")); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for c := range callers {
		if diff := cmp.Diff(got[0], got[c]); diff != "" {
			t.Fatalf("two callers were given different keys:\n%s", diff)
		}
	}
	for n, wrapped := range got[0] {
		holds(t, h.Keys, fmt.Sprintf("customer-%d", n), wrapped)
	}
}

func keysReplace(t *testing.T, h Harness) {
	mustPut(t, h.Keys, "customer-1", "old")
	if err := h.Keys.ReplaceKey(deadline(t), "customer-1", []byte("other"), []byte("new")); !errors.Is(err, eventstore.ErrWrongRevision) {
		t.Fatalf("replace another: %v", err)
	}
	holds(t, h.Keys, "customer-1", "old")
	if err := h.Keys.ReplaceKey(deadline(t), "customer-1", []byte("old"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, h.Keys, "customer-1", "new")
	h = h.Reopen(t)
	holds(t, h.Keys, "customer-1", "new")
	if err := h.Keys.ReplaceKey(deadline(t), "customer-2", []byte("old"), []byte("new")); err == nil {
		t.Fatal("a key that is not there was replaced")
	}
	holds(t, h.Keys, "customer-2", "")
}

func keysEach(t *testing.T, h Harness) {
	var want []string
	for i := range 700 {
		name := fmt.Sprintf("customer-%03d", i)
		mustPut(t, h.Keys, name, "key of "+name)
		want = append(want, name)
	}
	mustPut(t, h.Keys, "install-hash", "key of install-hash")
	want = append(want, "install-hash")
	each := func(after string) (names []string) {
		t.Helper()
		err := h.Keys.EachKey(deadline(t), after, func(name string, wrapped []byte) error {
			if string(wrapped) != "key of "+name {
				t.Fatalf("%s is %q", name, wrapped)
			}
			names = append(names, name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if diff := cmp.Diff(want, each("")); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(want[600:], each("customer-599")); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(want[600:], each("customer-5999")); diff != "" {
		t.Fatal(diff)
	}
	enough := errors.New("enough")
	seen := 0
	err := h.Keys.EachKey(deadline(t), "", func(string, []byte) error {
		if seen++; seen == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 3 {
		t.Fatalf("stopped after %d with %v", seen, err)
	}
	if !slices.IsSorted(want) {
		t.Fatal("the test's names are out of order")
	}
}

func keysDurable(t *testing.T, h Harness) {
	mustAppend(t, h.Store, "order-1", eventstore.NoStream, event("e"))
	mustPut(t, h.Keys, "customer-1", "one")
	mustAppend(t, h.Store, "order-1", 0) // writes nothing
	mustPut(t, h.Keys, "customer-2", "two")
	mustAppend(t, h.Store, "order-1", 0, event("e"))
	h = h.Reopen(t)
	holds(t, h.Keys, "customer-1", "one")
	holds(t, h.Keys, "customer-2", "two")
}

func keysInvalid(t *testing.T, h Harness) {
	for name, call := range map[string]struct {
		name    string
		wrapped []byte
	}{
		"no name":       {"", []byte("key")},
		"name with NUL": {"customer-\x00", []byte("key")},
		"long name":     {strings.Repeat("n", 1000), []byte("key")},
		"no key":        {"customer-1", nil},
		"long key":      {"customer-1", bytes.Repeat([]byte("k"), 1<<20)},
	} {
		if _, err := h.Keys.PutKeyIfAbsent(deadline(t), call.name, call.wrapped); !errors.Is(err, eventstore.ErrInvalid) {
			t.Fatalf("%s: %v, want invalid", name, err)
		}
	}
}
