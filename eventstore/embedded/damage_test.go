package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// damaged is a folder to be damaged: the files of a store that was killed, and what it had acknowledged.
type damaged struct {
	dir     string
	records []eventstore.Record
}

// killedStore is the folder of a store that appended so many events, one synced append each, and was killed: nothing
// was flushed or closed. When flushed, the events are in tables and the log holds none.
func killedStore(t *testing.T, appends int, flushed bool) damaged {
	t.Helper()
	live := t.TempDir()
	s := open(t, live, Options{})
	for i := range appends {
		e := benchEvent(uuid.New())
		e.Data = fmt.Appendf(e.Data[:0], "event %d %s", i, strings.Repeat("x", i%700))
		if _, err := s.Append(context.Background(), fmt.Sprintf("order-%d", i%5), eventstore.AnyRevision, e); err != nil {
			t.Fatal(err)
		}
	}
	if flushed {
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	records, err := s.ReadAll(context.Background(), 0, eventstore.Forward, appends)
	if err != nil {
		t.Fatal(err)
	}
	return damaged{copyFolder(t, live), records}
}

func copyFolder(t *testing.T, from string) string {
	t.Helper()
	for {
		to := t.TempDir()
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) { // a live store clears away tables that it has merged
			t.Fatal(err)
		}
	}
}

// files are the folder's files with that ending, the oldest first.
func files(t *testing.T, dir, ending string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s in %s: %v", ending, dir, err)
	}
	slices.Sort(names)
	return names
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// survivors opens the folder and answers what is in it, after a check; nil with the error when it is refused.
func (d damaged) survivors(t *testing.T) ([]eventstore.Record, error) {
	t.Helper()
	s, err := Open(d.dir, Options{Logf: func(string, ...any) {}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Check(context.Background(), nil, nil); err != nil {
		return nil, err
	}
	return s.ReadAll(context.Background(), 0, eventstore.Forward, len(d.records)+1)
}

// isPrefix fails the test unless got are the first of the events, unchanged.
func (d damaged) isPrefix(t *testing.T, what string, got []eventstore.Record) {
	t.Helper()
	if len(got) > len(d.records) {
		t.Fatalf("%s: %d events of %d", what, len(got), len(d.records))
	}
	if diff := cmp.Diff(d.records[:len(got)], got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: the events differ:\n%s", what, diff)
	}
}

func randomly(t *testing.T) *rand.Rand {
	t.Helper()
	seed := envNumber(t, "KIPAY_CRASH_SEED", uint64(time.Now().UnixNano()))
	t.Logf("KIPAY_CRASH_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 2))
}

func TestTornTailLosesNothingAcknowledged(t *testing.T) {
	rng := randomly(t)
	whole := killedStore(t, 60, false)
	for round := range 20 {
		d := damaged{copyFolder(t, whole.dir), whole.records}
		logs := files(t, d.dir, ".log")
		edit(t, logs[len(logs)-1], func(text []byte) []byte {
			// What a power cut leaves behind the last sync: a record that was cut, zeros, or anything.
			tail := make([]byte, 1+rng.IntN(5000))
			switch round % 3 {
			case 0:
				copy(tail, text[:min(len(text), len(tail))])
			case 1:
				for i := range tail {
					tail[i] = byte(rng.Uint32())
				}
			}
			return append(text, tail...)
		})
		got, err := d.survivors(t)
		if err != nil || len(got) != len(d.records) {
			t.Fatalf("round %d: %d events of %d, %v", round, len(got), len(d.records), err)
		}
		d.isPrefix(t, fmt.Sprintf("round %d", round), got)
	}
}

// A log that lost its end, which no file system does to what was synced, is refused, and without the watermark leaves a
// whole beginning.
func TestCutLogIsRefused(t *testing.T) {
	rng := randomly(t)
	whole := killedStore(t, 60, false)
	for range 20 {
		d := damaged{copyFolder(t, whole.dir), whole.records}
		logs := files(t, d.dir, ".log")
		cut := 0
		edit(t, logs[len(logs)-1], func(text []byte) []byte {
			cut = rng.IntN(len(text))
			return text[:cut]
		})
		_, err := d.survivors(t)
		if !errors.Is(err, eventstore.ErrCorrupt) || !strings.Contains(err.Error(), "events up to 60 were acknowledged") {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if err := os.Remove(filepath.Join(d.dir, watermarkFile)); err != nil {
			t.Fatal(err)
		}
		got, err := d.survivors(t)
		if err != nil {
			t.Fatalf("cut at %d, without the watermark: %v", cut, err)
		}
		d.isPrefix(t, fmt.Sprintf("cut at %d", cut), got)
	}
}

func TestDamagedLogIsRefused(t *testing.T) {
	rng := randomly(t)
	whole := killedStore(t, 200, false)
	for range 40 {
		d := damaged{copyFolder(t, whole.dir), whole.records}
		logs := files(t, d.dir, ".log")
		var at int
		edit(t, logs[len(logs)-1], func(text []byte) []byte {
			at = rng.IntN(len(text))
			text[at] ^= 1 << rng.IntN(8)
			return text
		})
		got, err := d.survivors(t)
		if err == nil && len(got) == len(d.records) {
			d.isPrefix(t, fmt.Sprintf("bit at %d", at), got) // some bits say nothing
			continue
		}
		if !errors.Is(err, eventstore.ErrCorrupt) {
			t.Fatalf("bit at %d: %d events of %d, %v", at, len(got), len(d.records), err)
		}
	}
}

func TestDamageInTablesIsFound(t *testing.T) {
	rng := randomly(t)
	whole := killedStore(t, 200, true)
	found := 0
	for range 40 {
		d := damaged{copyFolder(t, whole.dir), whole.records}
		tables := slices.DeleteFunc(files(t, d.dir, ".sst"), func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && info.Size() == 0 // a merge had just begun it when the folder was copied
		})
		var at int
		edit(t, tables[rng.IntN(len(tables))], func(text []byte) []byte {
			at = rng.IntN(len(text))
			text[at] ^= 1 << rng.IntN(8)
			return text
		})
		got, err := d.survivors(t)
		switch {
		case err == nil && len(got) == len(d.records):
			d.isPrefix(t, fmt.Sprintf("bit at %d", at), got) // a filter's bit, or one that says nothing
		case !errors.Is(err, eventstore.ErrCorrupt):
			t.Fatalf("bit at %d: %d events of %d, %v", at, len(got), len(d.records), err)
		default:
			found++
		}
	}
	if found < 10 {
		t.Fatalf("only %d of 40 damages were found", found)
	}
}

func TestMissingTableIsRefused(t *testing.T) {
	d := killedStore(t, 50, true)
	for _, table := range files(t, d.dir, ".sst") { // which of them are of use only Pebble knows
		if err := os.Remove(table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.survivors(t); !errors.Is(err, eventstore.ErrCorrupt) {
		t.Fatalf("a missing table: %v", err)
	}
}

// TestCheckNamesThePlace writes contradictions behind the store's back and looks for them in the report.
func TestCheckNamesThePlace(t *testing.T) {
	record := func(pos eventstore.Position, stream string, rev eventstore.Revision) []byte {
		e := benchEvent(uuid.New())
		raw := make([]byte, recordBytes(stream, &e))
		encodeRecord(raw, stream, &e)
		sealRecord(raw, pos, rev, time.Now())
		return raw
	}
	index := func(stream string, rev eventstore.Revision) []byte { return appendStreamKey(nil, stream, rev) }
	for name, damage := range map[string]struct {
		do   func(*pebble.Batch) error
		says string
	}{
		"gap":           {func(b *pebble.Batch) error { return b.Delete(logKey(5), nil) }, "positions 5 to 5 are missing"},
		"end missing":   {func(b *pebble.Batch) error { return b.DeleteRange(logKey(9), logKey(11), nil) }, "positions 9 to 10 are missing"},
		"bytes":         {func(b *pebble.Batch) error { return b.Set(logKey(5), []byte("x"), nil) }, "position 5: "},
		"wrong place":   {func(b *pebble.Batch) error { return b.Set(logKey(5), record(6, "order-0", 2), nil) }, "position 5: the record says it is 6"},
		"no index":      {func(b *pebble.Batch) error { return b.Delete(index("order-0", 4), nil) }, "position 9: "},
		"hole in index": {func(b *pebble.Batch) error { return b.Delete(index("order-0", 1), nil) }, "stream order-0: revision 2 follows 0"},
		"index elsewhere": {func(b *pebble.Batch) error {
			return b.Set(index("order-0", 1), logKey(4)[1:], nil)
		}, "position 3 is order-0 revision 1, whose index entry points to 4"},
		"index backward": {func(b *pebble.Batch) error {
			return b.Set(index("order-0", 2), logKey(1)[1:], nil)
		}, "stream order-0: revision 2 is at position 1, the one before at 3"},
		"index of nothing": {func(b *pebble.Batch) error {
			return b.Set(index("order-2", 0), logKey(7)[1:], nil)
		}, "stream order-2: revision 0 points to position 7, which is order-0 revision 3"},
		"index of the future": {func(b *pebble.Batch) error {
			return b.Set(index("order-1", 5), logKey(11)[1:], nil)
		}, "stream order-1: revision 5: "},
		"index of another stream's future": {func(b *pebble.Batch) error {
			return b.Set(index("order-9", 0), logKey(1 << 60)[1:], nil)
		}, "stream order-9: revision 0: "},
		"index damaged": {func(b *pebble.Batch) error { return b.Set(index("order-0", 1), []byte("x"), nil) }, "index: entry"},
		"empty key":     {func(b *pebble.Batch) error { return b.Set(keyKey("customer-1"), nil, nil) }, `key "kcustomer-1" is empty`},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{})
			for i := range 10 {
				if _, err := s.Append(t.Context(), fmt.Sprintf("order-%d", i%2), eventstore.AnyRevision, benchEvent(uuid.New())); err != nil {
					t.Fatal(err)
				}
			}
			if report, err := s.Check(t.Context(), nil, nil); err != nil || report.Events != 10 || report.Streams != 2 {
				t.Fatalf("before: %+v, %v", report, err)
			}
			batch := s.db.NewBatch()
			if err := errors.Join(damage.do(batch), batch.Commit(pebble.Sync)); err != nil {
				t.Fatal(err)
			}
			report, err := s.Check(t.Context(), nil, nil)
			if !errors.Is(err, eventstore.ErrCorrupt) || !strings.Contains(strings.Join(report.Problems, "\n"), damage.says) {
				t.Fatalf("%v: %q; want %q", err, report.Problems, damage.says)
			}
		})
	}
}
