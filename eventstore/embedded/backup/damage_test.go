package backup_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
	"github.com/benfex/kipay/eventstore/embedded/backup"
)

// folder is a backup folder with three points, of which the last two know an erasure.
func folder(t *testing.T) (dir string, points []*backup.Point) {
	t.Helper()
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	payMany(t, s, 320)
	stream, _, err := pay(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	take(t, s, dir)
	if err := s.DeleteKey(t.Context(), keyOf(stream)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		payMany(t, s, 16)
		take(t, s, dir)
	}
	points, _, err = backup.List(dir)
	if err != nil || len(points) != 3 || points[0].Scrubbed != 1 {
		t.Fatalf("%d points, %v", len(points), err)
	}
	return dir, points
}

func TestDamageToAnyFileIsFoundAndNothingIsRestoredFromIt(t *testing.T) {
	dir, points := folder(t)
	last := points[2]
	files := map[string]string{
		"the newest segment": last.Log.Name, "the oldest segment": points[0].Log.Name, "the newest keys": last.Keys[len(last.Keys)-1].Name,
		"the oldest keys": last.Keys[0].Name, "the list of erasures": "erasures.ndjson", "the point": "points/" + last.Name() + ".json",
	}
	damages := map[string]func(text []byte) []byte{
		"first byte":  func(text []byte) []byte { text[0] ^= 1; return text },
		"middle byte": func(text []byte) []byte { text[len(text)/2] ^= 1; return text },
		"letter case": func(text []byte) []byte { text[2] ^= 0x20; return text },
		"last byte":   func(text []byte) []byte { text[len(text)-1] ^= 1; return text },
		"cut short":   func(text []byte) []byte { return text[:len(text)-1] },
		"cut to half": func(text []byte) []byte { return text[:len(text)/2] },
		"emptied":     func([]byte) []byte { return nil },
		"longer":      func(text []byte) []byte { return append(text, 'x') },
		"zeroed end":  func(text []byte) []byte { clear(text[len(text)/2:]); return text },
		"missing":     nil,
	}
	for which, name := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for how, damage := range damages {
			if damage == nil {
				if strings.HasPrefix(name, "points/") {
					continue // a point that is gone is one that was thrown away
				}
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, damage(bytes.Clone(whole)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			found, err := backup.Verify(t.Context(), dir, "", quiet)
			if err != nil || !errors.Is(found.Bad[last.Name()], backup.ErrDamaged) {
				t.Errorf("%s, %s: verify found %v, %v", which, how, found.Bad, err)
			}
			for _, good := range found.Good {
				restored(t, dir, good) // what it calls good can be restored
			}
			p, err := backup.Choose(dir, "")
			if err == nil {
				_, err = backup.Restore(t.Context(), dir, p, filepath.Join(t.TempDir(), "events"), nil, embedded.Options{Logf: t.Logf}, quiet)
			}
			if !errors.Is(err, backup.ErrDamaged) {
				t.Errorf("%s, %s: the restore says %v", which, how, err)
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found, err := backup.Verify(t.Context(), dir, "", quiet); err != nil || len(found.Bad) != 0 {
		t.Errorf("mended: %v, %v", found.Bad, err)
	}
}

// A copy that stopped in the middle, in whatever order it went: what has arrived whole can be used, the rest is named.
func TestAHalfCopiedFolderIsRecognised(t *testing.T) {
	dir, points := folder(t)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(copied, filepath.FromSlash(points[2].Log.Name))); err != nil {
		t.Fatal(err)
	}
	found, err := backup.Verify(t.Context(), copied, "", quiet)
	if err != nil || len(found.Good) != 2 || !errors.Is(found.Bad[points[2].Name()], backup.ErrDamaged) ||
		!strings.Contains(found.Bad[points[2].Name()].Error(), "copied to its end") {
		t.Errorf("good %d, bad %v, %v", len(found.Good), found.Bad, err)
	}
	p, err := backup.Choose(copied, points[1].Name())
	if err != nil {
		t.Fatal(err)
	}
	restored(t, copied, p)
	if _, err := backup.Verify(t.Context(), t.TempDir(), "", quiet); !errors.Is(err, backup.ErrNoPoint) {
		t.Errorf("an empty folder: %v", err)
	}
}

// A backup that is cut off adds no point, and the next one goes on as if it had not been.
func TestABackupThatIsCutOffIsFinishedByTheNext(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	payMany(t, s, 16)
	take(t, s, dir)
	payMany(t, s, 9600)
	ctx, stop := context.WithCancel(t.Context())
	_, err := backup.Take(ctx, s, dir, time.Now, func(phase string, done, _ uint64) {
		if phase == "copying events" && done > 0 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// A kill leaves what was being written, and segments that no point names.
	for _, name := range []string{"log/.new-1", "keys/.new-2", "points/.new-3", "log/00-01-abcdef.seg"} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if points, bad, err := backup.List(dir); err != nil || len(points) != 1 || len(bad) != 0 {
		t.Errorf("%d points, bad %v, %v", len(points), bad, err)
	}
	p := take(t, s, dir).Point
	if p.Number != 2 || p.Position != 9616 {
		t.Errorf("%+v", p)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", ".new-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	segments, err := os.ReadDir(filepath.Join(dir, "log"))
	if err != nil || len(segments) != 2 {
		t.Errorf("%v, %v", segments, err)
	}
	restored(t, dir, p)
}

func TestARestoreNeverWritesOverSomething(t *testing.T) {
	dir, points := folder(t)
	s := openStore(t, t.TempDir())
	_, err := backup.Restore(t.Context(), dir, points[0], s.Dir(), nil, embedded.Options{Logf: t.Logf}, quiet)
	if !errors.Is(err, eventstore.ErrInvalid) {
		t.Error(err)
	}
}

func TestAPointIsChosenByNameOrTime(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for hour := range 3 {
		payMany(t, s, 16)
		if _, err := backup.Take(t.Context(), s, dir, func() time.Time { return start.Add(time.Duration(hour) * time.Hour) }, quiet); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[string]uint64{
		"": 3, "000002-20260131T130000Z": 2, "2026-01-31T13:59:59Z": 2, "2026-01-31T14:00:00+00:00": 3, "2026-01-31T15:00:00+03:00": 1,
		"2026-01-31T11:59:59Z": 0, "yesterday": 0, "../points/000002-20260131T130000Z": 0,
	} {
		p, err := backup.Choose(dir, at)
		if want == 0 && !errors.Is(err, backup.ErrNoPoint) || want > 0 && (err != nil || p.Number != want) {
			t.Errorf("%q: %+v, %v", at, p, err)
		}
	}
}
