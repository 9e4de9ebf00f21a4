package spool

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/eventstore"
)

func masters(t *testing.T) eventstore.MasterKeys {
	t.Helper()
	keys, err := eventstore.ParseMasterKeys("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func open(t *testing.T, dir string) *Spool {
	t.Helper()
	s, err := Open(Options{Dir: dir, Seal: masters(t), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func notice(body string) Notice {
	return Notice{Path: "/hooks/push/aa/1/t0ken", Body: []byte(body), RequestID: "r", IP: "10.1.2.3", At: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)}
}

// delivered takes notices out until so many came, with the verdicts in turn.
func delivered(t *testing.T, s *Spool, count int, verdicts ...Verdict) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []string
	err := s.Deliver(ctx, time.Millisecond, func(_ context.Context, n Notice) Verdict {
		got = append(got, string(n.Body))
		v := Delivered
		if len(verdicts) > 0 {
			v, verdicts = verdicts[0], verdicts[1:]
		}
		if v == Delivered && s.Len() == 1 || len(got) == count {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		return v
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return got
}

func TestNoticesAreDeliveredInOrderAcrossARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, body := range []string{"one", "two"} {
		if err := s.Add(notice(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer func() { _ = s.Close() }()
	if err := s.Add(notice("three")); err != nil {
		t.Fatal(err)
	}
	if n := s.Len(); n != 3 {
		t.Fatalf("%d wait", n)
	}
	got := delivered(t, s, 9, Later, Later, Delivered, Delivered, Delivered)
	if diff := cmp.Diff([]string{"one", "one", "one", "two", "three"}, got); diff != "" {
		t.Error(diff)
	}
	if n := s.Len(); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestWhatNobodyCanBeToldOfIsParkedAndHoldsNothingUp(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { _ = s.Close() }()
	for _, body := range []string{"bad", "good"} {
		if err := s.Add(notice(body)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"bad", "good"}, delivered(t, s, 2, Park, Delivered)); diff != "" {
		t.Error(diff)
	}
	if s.Parked() != 1 || s.Len() != 0 {
		t.Errorf("%d are set aside, %d wait", s.Parked(), s.Len())
	}
	// A newer program may know what to do with it.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if diff := cmp.Diff([]string{"bad"}, delivered(t, s, 1)); diff != "" {
		t.Error(diff)
	}
}

// Notices were acknowledged, the node was started with another master key, and each was set aside without a word: nobody ever
// looked at them again, and the spool said that it was empty.
func TestWhatAnotherMasterKeySealedWaitsForIt(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Add(notice("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := eventstore.ParseMasterKeys("ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var said error
	if s, err = Open(Options{Dir: dir, Seal: other, Random: rand.Reader, Complain: func(err error) { said = err; cancel() }}); err != nil {
		t.Fatal(err)
	}
	_ = s.Deliver(ctx, time.Millisecond, func(context.Context, Notice) Verdict { t.Error("delivered"); return Delivered })
	if !errors.Is(said, ErrUnreadable) || s.Len() != 1 || s.Oldest().IsZero() {
		t.Errorf("%v, %d wait since %s", said, s.Len(), s.Oldest())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer func() { _ = s.Close() }()
	if diff := cmp.Diff([]string{"one"}, delivered(t, s, 1)); diff != "" {
		t.Error(diff)
	}
}

// A full disk: Pebble panicked with its lock held, the web layer made a 500 of that, and every notice after it waited for ever.
func TestADiskThatFailsIsToldAtOnceAndEveryTime(t *testing.T) {
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return syscall.ENOSPC
		}
		return nil
	}))
	s, err := Open(Options{Dir: "/spool", FS: fs, Seal: masters(t), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(notice("one")); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for range 3 {
		if err := s.Add(notice("two")); !errors.Is(err, ErrFailed) {
			t.Errorf("%v", err)
		}
	}
	select {
	case <-s.Failed():
	case <-time.After(20 * time.Second):
		t.Error("nobody is told")
	}
	if err := s.Close(); !errors.Is(err, ErrFailed) || s.Len() != 1 {
		t.Errorf("%v, %d wait", err, s.Len())
	}
}

func TestSpoolIsSealedOnDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Add(notice(`{"MSISDN":"254712345678"}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, secret := range []string{"254712345678", "t0ken", "10.1.2.3"} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFullSpoolTakesNoMore(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { _ = s.Close() }()
	s.full = func(share int64) bool { return int64(s.count) >= 4/share }
	if err := s.AddStrangers(notice("one")); err != nil {
		t.Fatal(err)
	}
	if err := s.AddStrangers(notice("flood")); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	for range 3 { // there is room left for who has a token
		if err := s.Add(notice("one")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(notice("two")); !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
}

// failing is a sealer without randomness.
type failing struct{ eventstore.MasterKeys }

func (failing) Seal(io.Reader, string, []byte) ([]byte, error) { return nil, io.ErrUnexpectedEOF }

func TestNoticeThatCannotBeSealedIsNotTaken(t *testing.T) {
	s, err := Open(Options{Dir: t.TempDir(), Seal: failing{masters(t)}, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Add(notice("one")); err == nil || s.Len() != 0 {
		t.Errorf("%v, %d wait", err, s.Len())
	}
}
