package embedded

import (
	"testing"

	"github.com/benfex/kipay/eventstore/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return harness(t, t.TempDir()) })
}

func harness(t *testing.T, dir string) storetest.Harness {
	s := open(t, dir, Options{MemTableBytes: 1})
	return storetest.Harness{Store: s, Keys: s, Reopen: func(t *testing.T) storetest.Harness {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		return harness(t, dir)
	}}
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, dir string, options Options) *Store {
	t.Helper()
	if options.Logf == nil {
		options.Logf = t.Logf
	}
	s, err := Open(dir, options)
	if err != nil {
		t.Fatalf("open %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
