package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/embedded/backup"
)

func quiet(string, uint64, uint64) {}

func openStore(t *testing.T, dir string) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(dir, embedded.Options{Logf: t.Logf, MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pay appends an event to a stream of its own, after a key that it needs.
func pay(ctx context.Context, s *embedded.Store) (stream string, at eventstore.Position, err error) {
	id := uuid.New()
	stream = "transaction-" + id.String()
	if _, err := s.PutKeyIfAbsent(ctx, keyOf(stream), []byte("wrapped for "+stream)); err != nil {
		return "", 0, err
	}
	got, err := s.Append(ctx, stream, eventstore.NoStream, eventstore.NewEvent{ID: id, Type: "Paid", Data: fmt.Appendf(nil, `{"of":%q}`, stream)})
	return stream, got.Position, err
}

func keyOf(stream string) string { return strings.Replace(stream, "transaction", "customer", 1) }

func payMany(t *testing.T, s *embedded.Store, n int) {
	t.Helper()
	var writers sync.WaitGroup
	const each = 16
	for range each {
		writers.Go(func() {
			for range n / each {
				if _, _, err := pay(t.Context(), s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

func take(t *testing.T, s *embedded.Store, dir string) backup.Taken {
	t.Helper()
	taken, err := backup.Take(t.Context(), s, dir, time.Now, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

// restored restores the point into a new folder and opens it.
func restored(t *testing.T, dir string, p *backup.Point, further ...[]embedded.Erasure) (*embedded.Store, backup.Restored) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "events")
	got, err := backup.Restore(t.Context(), dir, p, target, further, embedded.Options{Logf: t.Logf}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, target)
	report, err := s.Check(t.Context(), nil, nil)
	if err != nil || report.Events != uint64(p.Position) || report.Keys != got.Keys {
		t.Fatalf("%+v, %v", report, err)
	}
	return s, got
}

func records(t *testing.T, s *embedded.Store, upTo eventstore.Position) []eventstore.Record {
	t.Helper()
	all, err := s.ReadAll(t.Context(), 0, eventstore.Forward, int(upTo)+1)
	if err != nil {
		t.Fatal(err)
	}
	return all[:min(len(all), int(upTo))]
}

func keysOf(t *testing.T, s *embedded.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	if err := s.EachKey(t.Context(), "", func(name string, wrapped []byte) error {
		all[name] = string(wrapped)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryRestorePointTakenUnderLoadHoldsTheAcknowledgedPrefixAndItsKeys(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var acknowledged atomic.Uint64 // the highest position that a writer was told; positions have no gaps
	progress := make(chan struct{})
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				_, at, err := pay(context.WithoutCancel(ctx), s)
				if err != nil {
					t.Error(err)
					return
				}
				for was := acknowledged.Load(); uint64(at) > was && !acknowledged.CompareAndSwap(was, uint64(at)); was = acknowledged.Load() {
				}
				select {
				case progress <- struct{}{}:
				default:
				}
			}
		})
	}
	var points []*backup.Point
	for range 6 {
		for before := acknowledged.Load(); acknowledged.Load() < before+200; {
			<-progress
		}
		promised := acknowledged.Load()
		taken := take(t, s, dir)
		if uint64(taken.Point.Position) < promised {
			t.Errorf("the point ends at %d, %d was acknowledged before", taken.Point.Position, promised)
		}
		points = append(points, taken.Point)
	}
	stop()
	load.Wait()
	for _, p := range []*backup.Point{points[0], points[3], points[5]} {
		twin, _ := restored(t, dir, p)
		if diff := cmp.Diff(records(t, s, p.Position), records(t, twin, eventstore.EndPosition/4)); diff != "" {
			t.Errorf("point %s: %.500s", p.Name(), diff)
		}
		keys, original := keysOf(t, twin), keysOf(t, s)
		for _, rec := range records(t, twin, p.Position) {
			if name := keyOf(rec.Stream); keys[name] == "" || keys[name] != original[name] {
				t.Fatalf("point %s: the key of position %d is %q", p.Name(), rec.Position, keys[name])
			}
		}
	}
	if found, err := backup.Verify(t.Context(), dir, "", quiet); err != nil || len(found.Good) != len(points) || len(found.Bad) != 0 {
		t.Errorf("%d good, bad %v, %v", len(found.Good), found.Bad, err)
	}
}

func TestAFurtherBackupWritesWhatIsNew(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	payMany(t, s, 2400)
	first := take(t, s, dir)
	payMany(t, s, 32)
	second := take(t, s, dir)
	if second.NewEvents != 32 || second.Events != 2432 || second.Keys != 2432 || second.Written*20 > first.Written {
		t.Errorf("%d new events in %d bytes, the first was %d bytes", second.NewEvents, second.Written, first.Written)
	}
	if third := take(t, s, dir); third.NewEvents != 0 || third.Written != 0 || third.Keys != 2432 {
		t.Errorf("nothing is new: %+v", third)
	}
	// Keys whose wrapping changed, and keys that are superseded, are in the next point too.
	all := keysOf(t, s)
	names := slices.Sorted(maps.Keys(all))
	if err := s.ReplaceKey(t.Context(), names[7], []byte(all[names[7]]), []byte("wrapped anew")); err != nil {
		t.Fatal(err)
	}
	if err := s.DropKey(t.Context(), names[9]); err != nil {
		t.Fatal(err)
	}
	fourth := take(t, s, dir)
	twin, _ := restored(t, dir, fourth.Point)
	if diff := cmp.Diff(keysOf(t, s), keysOf(t, twin)); diff != "" {
		t.Error(diff)
	}
	// However many points there are, keys lie in few files.
	for range 20 {
		payMany(t, s, 16)
		fourth = take(t, s, dir)
	}
	if n := len(fourth.Point.Keys); n > 16 {
		t.Errorf("the keys of a point lie in %d files", n)
	}
	twin, _ = restored(t, dir, fourth.Point)
	if diff := cmp.Diff(keysOf(t, s), keysOf(t, twin)); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyStoreHasABackupToo(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	p := take(t, s, dir).Point
	twin, _ := restored(t, dir, p)
	if _, at, err := pay(t.Context(), twin); err != nil || at != 1 {
		t.Errorf("position %d, %v", at, err)
	}
	payMany(t, s, 16)
	take(t, s, dir)
}

// holdsKey tells whether a restore of one of the points brings the key back.
func holdsKey(t *testing.T, dir string, points []*backup.Point, name string) bool {
	t.Helper()
	for _, p := range points {
		twin, _ := restored(t, dir, p)
		if _, err := twin.GetKey(t.Context(), name); err == nil {
			return true
		}
	}
	return false
}

func TestErasuresAreAppliedToOlderPointsAndTakenOutOfTheFolder(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	payMany(t, s, 32)
	stream, _, err := pay(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	name := keyOf(stream)
	old := take(t, s, dir).Point
	oldFile := old.Keys[0].Name
	copied := t.TempDir() // a copy of the folder from before the erasure, off site
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.DeleteKey(t.Context(), name), s.DeleteKey(t.Context(), name)); err != nil {
		t.Fatal(err)
	}
	// The subject comes back, with another key.
	if _, err := s.PutKeyIfAbsent(t.Context(), name, []byte("another key")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := pay(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	taken := take(t, s, dir)
	if taken.Scrubbed != 1 {
		t.Errorf("%d points were scrubbed", taken.Scrubbed)
	}
	if _, err := os.Stat(filepath.Join(dir, oldFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file with the destroyed key is still there: %v", err)
	}
	points, _, err := backup.List(dir)
	if err != nil || len(points) != 2 {
		t.Fatalf("%d points, %v", len(points), err)
	}
	if holdsKey(t, dir, points[:1], name) {
		t.Error("the older point still holds the key")
	}
	twin, got := restored(t, dir, points[1])
	if key, err := twin.GetKey(t.Context(), name); err != nil || string(key) != "another key" || got.Erased != 0 {
		t.Errorf("the key made after the erasure: %q, %v", key, err)
	}
	// The copy holds it, until a newer list is applied to it.
	if !holdsKey(t, copied, []*backup.Point{old}, name) {
		t.Error("the copy from before never held the key: nothing is proven")
	}
	list, err := backup.ReadErasures(filepath.Join(dir, "erasures.ndjson"))
	if err != nil || len(list) != 1 || list[0].Key != name || list[0].Store != s.ID() {
		t.Fatalf("%+v, %v", list, err)
	}
	twin, got = restored(t, copied, old, list)
	if _, err := twin.GetKey(t.Context(), name); !errors.Is(err, eventstore.ErrKeyNotFound) || got.Erased != 1 {
		t.Errorf("the newer list was not applied: %v, %+v", err, got)
	}
	// The restored store knows the erasure, goes on with a list of its own, and both apply to the old backup.
	if err := twin.DeleteKey(t.Context(), keyOf(records(t, twin, 1)[0].Stream)); err != nil {
		t.Fatal(err)
	}
	next := t.TempDir()
	take(t, twin, next)
	both, err := backup.ReadErasures(filepath.Join(next, "erasures.ndjson"))
	if err != nil || len(both) != 2 {
		t.Fatalf("%+v, %v", both, err)
	}
	if _, got = restored(t, copied, old, both); got.Erased != 2 {
		t.Errorf("%+v", got)
	}
	if found, err := backup.Verify(t.Context(), dir, "", quiet); err != nil || len(found.Bad) != 0 {
		t.Errorf("after scrubbing: %v, %v", found.Bad, err)
	}
}

func TestAnotherStoreOrAnotherHistoryIsRefused(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	s := openStore(t, home)
	payMany(t, s, 16)
	first := take(t, s, dir).Point
	payMany(t, s, 16)
	take(t, s, dir)
	twin, _ := restored(t, dir, first)
	payMany(t, twin, 64)
	for _, other := range []*embedded.Store{openStore(t, t.TempDir()), twin} {
		if _, err := backup.Take(t.Context(), other, dir, time.Now, quiet); !errors.Is(err, backup.ErrOtherStore) {
			t.Errorf("%v", err)
		}
	}
	if found, err := backup.Verify(t.Context(), dir, "", quiet); err != nil || len(found.Good) != 2 {
		t.Errorf("the refusal has damaged the folder: %v, %v", found, err)
	}
}
