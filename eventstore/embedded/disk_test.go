package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// TestFailingDisk lets the disk fail under load in every way that matters. Appends are refused with the reason, from
// the first failure on; reads go on; nothing acknowledged is lost, and the folder takes appends again when it is opened
// on a disk that works.
func TestFailingDisk(t *testing.T) {
	for name, disk := range map[string]struct {
		fails func(op, name string) error
		says  string
	}{
		"full, log":                {on("write", ".log", syscall.ENOSPC), "disk is full"},
		"full, new log":            {on("create", ".log", syscall.ENOSPC), "disk is full"},
		"full, table":              {on("write", ".sst", syscall.ENOSPC), "disk is full"},
		"full, new table":          {on("create", ".sst", syscall.ENOSPC), "disk is full"},
		"full, manifest":           {on("write", "MANIFEST", syscall.ENOSPC), "disk is full"},
		"full, everything":         {on("", "", syscall.ENOSPC), "disk is full"},
		"over quota":               {on("write", "", syscall.EDQUOT), "disk is full"},
		"log can't be synced":      {on("sync", ".log", syscall.EIO), "I/O error"},
		"table can't be synced":    {on("sync", ".sst", syscall.EIO), "I/O error"},
		"manifest can't be synced": {on("sync", "MANIFEST", syscall.EIO), "I/O error"},
		"read-only from now on":    {on("", "", syscall.EROFS), "read-only"},
		"no permission any more":   {on("create", "", syscall.EACCES), "can't be written"},
		"file size limit":          {on("write", "", syscall.EFBIG), "limit on file sizes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewMem()
			faults := newFaultFS(mem, disk.fails)
			acked := failUnderLoad(t, faults, disk.says)
			s := open(t, "/db", Options{FS: mem, MemTableBytes: 1})
			holdsExactlyOnce(t, s, acked)
			if _, err := s.Append(context.Background(), "after", eventstore.NoStream, benchEvent(uuid.New())); err != nil {
				t.Fatalf("append after the disk was made to work: %v", err)
			}
		})
	}
}

// failUnderLoad opens a store, lets the disk fail while writers write, checks what the store says, closes it, and
// answers what it had acknowledged.
func failUnderLoad(t *testing.T, faults *faultFS, says string) map[uuid.UUID]eventstore.Position {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := Open("/db", Options{FS: faults, MemTableBytes: 1, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := s.Subscribe(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acked := make(map[uuid.UUID]eventstore.Position)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			for {
				id := uuid.New()
				got, err := s.Append(ctx, benchStream(id), eventstore.NoStream, benchEvent(id))
				if err != nil {
					return err
				}
				mu.Lock()
				if acked[id] = got.Position; len(acked) == 200 {
					faults.armed.Store(true)
				}
				mu.Unlock()
			}
		})
	}
	refused(t, "append", group.Wait(), says)
	if _, err := s.Append(ctx, "late", eventstore.NoStream, benchEvent(uuid.New())); err == nil {
		t.Fatal("a store that failed took an append")
	}
	_, err = s.PutKeyIfAbsent(ctx, "customer-1", []byte("key"))
	refused(t, "put key", err, says)
	refused(t, "stats", s.Stats().Failure, says)

	// What is durable can still be read, and is delivered before the subscription ends with the reason.
	holdsExactlyOnce(t, s, acked)
	seen := make(map[uuid.UUID]eventstore.Position)
	for err = nil; err == nil; {
		var batch eventstore.Batch
		batch, err = sub.Next(ctx)
		for _, rec := range batch.Records {
			seen[rec.ID] = rec.Position
		}
	}
	refused(t, "subscription", err, says)
	for id, pos := range acked {
		if seen[id] != pos {
			t.Fatalf("event %s at %d was acknowledged and never delivered", id, pos)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if _, err := s.ReadAll(ctx, 0, eventstore.Forward, 1); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("read after close: %v", err)
	}
	return acked
}

func refused(t *testing.T, what string, err error, says string) {
	t.Helper()
	if !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), says) {
		t.Fatalf("%s: %v; want unavailable, %q", what, err, says)
	}
}

// holdsExactlyOnce checks the whole store against what was acknowledged.
func holdsExactlyOnce(t *testing.T, s *Store, acked map[uuid.UUID]eventstore.Position) {
	t.Helper()
	found := make(map[uuid.UUID]eventstore.Position)
	if _, err := s.Check(context.Background(), func(rec eventstore.Record) error {
		if found[rec.ID] != 0 {
			return fmt.Errorf("event %s is at %d, too", rec.ID, found[rec.ID])
		}
		found[rec.ID] = rec.Position
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	for id, pos := range acked {
		if found[id] != pos {
			t.Fatalf("event %s was acknowledged at %d and is at %d", id, pos, found[id])
		}
	}
}

// TestNewFolderOnAFailingDiskIsRefusedClearly fails the creation of a store at each of its writes.
func TestNewFolderOnAFailingDiskIsRefusedClearly(t *testing.T) {
	for failAt := 1; ; failAt++ {
		mem, calls := vfs.NewMem(), 0
		var mu sync.Mutex
		faults := newFaultFS(mem, func(op, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls >= failAt {
				return syscall.ENOSPC
			}
			return nil
		})
		faults.armed.Store(true)
		s, err := Open("/db", Options{FS: faults, Logf: t.Logf})
		if err == nil {
			t.Logf("a new store takes %d calls", calls)
			if failAt < 10 {
				t.Fatal("nothing failed")
			}
			_ = s.Close() // its last writes may fail
			return
		}
		refused(t, fmt.Sprintf("open, failing at %d", failAt), err, "disk is full")
		s = open(t, "/db", Options{FS: mem})
		if _, err := s.Append(context.Background(), "order-1", eventstore.NoStream, benchEvent(uuid.New())); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnwritableFolderIsRefusedClearly opens a folder on a disk that is full or read-only from the start.
func TestUnwritableFolderIsRefusedClearly(t *testing.T) {
	for says, err := range map[string]error{"read-only": syscall.EROFS, "disk is full": syscall.ENOSPC} {
		for _, op := range []string{"", "write", "sync", "create"} {
			mem := vfs.NewMem()
			s := open(t, "/db", Options{FS: mem})
			if _, err := s.Append(context.Background(), "order-1", eventstore.NoStream, benchEvent(uuid.New())); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			faults := newFaultFS(mem, on(op, "", err))
			faults.armed.Store(true)
			_, err := Open("/db", Options{FS: faults, Logf: t.Logf})
			refused(t, "open", err, says)
			s = open(t, "/db", Options{FS: mem})
			if head, err := s.Head(context.Background()); err != nil || head != 1 {
				t.Fatalf("head %d, %v", head, err)
			}
		}
	}
}
