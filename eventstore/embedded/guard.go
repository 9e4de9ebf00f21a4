package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS stands between Pebble and the disk. Pebble answers a failed write of its log or manifest with a panic in
// whatever goroutine it happens; a payment gateway has to say "the disk is full" and go on reading instead. So
// the first write that fails closes the failure latch and freezes the folder: that call and every later one that would
// change the folder waits for ever, and Pebble never learns of the error. Reads pass. What is on disk then is what a
// power cut at that moment would have left, and is recovered from in the same way, by opening it again.
//
// The goroutines of Pebble that wait are left behind when a frozen store is closed; a process that restarts, which is
// what an operator does, has none.
type guardFS struct {
	vfs.FS
	failure *failure
	// changing is held for reading during each change of the folder; freeze takes it to see the last one end.
	changing sync.RWMutex
	frozen   bool
	// syncs counts the syncs of the write-ahead log.
	syncs atomic.Uint64

	mu    sync.Mutex
	locks []io.Closer
}

func newGuardFS(inner vfs.FS, f *failure) *guardFS { return &guardFS{FS: inner, failure: f} }

// change carries out one call that changes the folder.
func (g *guardFS) change(op, name string, call func() error) error {
	g.changing.RLock()
	if g.frozen || g.failure.Err() != nil {
		g.changing.RUnlock()
		park()
	}
	err := call()
	g.changing.RUnlock()
	if err != nil {
		g.failure.fail(op+" "+name, err)
		park()
	}
	return err
}

// park keeps a goroutine of Pebble from going on over a folder that is frozen.
func park() { select {} }

// freeze returns when no change of the folder is under way any more and none can begin. It fails when the disk
// doesn't answer.
func (g *guardFS) freeze(patience time.Duration) error {
	frozen := make(chan struct{})
	go func() {
		g.changing.Lock()
		g.frozen = true
		g.changing.Unlock()
		close(frozen)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-frozen:
		return nil
	case <-timer.C:
		return fmt.Errorf("the disk has not answered for %s: the folder stays locked until this process ends", patience)
	}
}

// unlock gives Pebble's own lock of the folder back, for a folder that was frozen and is left as it is.
func (g *guardFS) unlock() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	for _, lock := range g.locks {
		err = errors.Join(err, lock.Close())
	}
	g.locks = nil
	return err
}

// Lock locks the file and remembers the lock for unlock.
func (g *guardFS) Lock(name string) (io.Closer, error) {
	lock, err := g.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	once := &closeOnce{Closer: lock}
	g.locks = append(g.locks, once)
	return once, nil
}

type closeOnce struct {
	io.Closer
	once sync.Once
}

// Close closes what is inside the first time.
func (c *closeOnce) Close() (err error) {
	c.once.Do(func() { err = c.Closer.Close() })
	return err
}

// Create guards vfs.FS.Create.
func (g *guardFS) Create(name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.change("create", name, func() error {
		f, err = g.FS.Create(name, category)
		return err
	})
	return g.guard(name, f, err)
}

// OpenReadWrite guards vfs.FS.OpenReadWrite.
func (g *guardFS) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (f vfs.File, err error) {
	err = g.change("open", name, func() error {
		f, err = g.FS.OpenReadWrite(name, category, opts...)
		return err
	})
	return g.guard(name, f, err)
}

// OpenDir guards vfs.FS.OpenDir: a folder is opened to be synced.
func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	return g.guard(name, f, err)
}

// ReuseForWrite guards vfs.FS.ReuseForWrite.
func (g *guardFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.change("reuse", newname, func() error {
		f, err = g.FS.ReuseForWrite(oldname, newname, category)
		return err
	})
	return g.guard(newname, f, err)
}

func (g *guardFS) guard(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &guardFile{File: f, guard: g, name: name, isLog: isLogFile(name)}, nil
}

// Link guards vfs.FS.Link.
func (g *guardFS) Link(oldname, newname string) error {
	return g.change("link", newname, func() error { return g.FS.Link(oldname, newname) })
}

// Rename guards vfs.FS.Rename.
func (g *guardFS) Rename(oldname, newname string) error {
	return g.change("rename", newname, func() error { return g.FS.Rename(oldname, newname) })
}

// MkdirAll guards vfs.FS.MkdirAll.
func (g *guardFS) MkdirAll(dir string, perm os.FileMode) error {
	return g.change("create folder", dir, func() error { return g.FS.MkdirAll(dir, perm) })
}

// Remove guards vfs.FS.Remove. That a file can't be removed is no reason to stop: Pebble tries again at the next start.
func (g *guardFS) Remove(name string) (err error) {
	_ = g.change("remove", name, func() error { err = g.FS.Remove(name); return nil })
	return err
}

// RemoveAll guards vfs.FS.RemoveAll, like Remove.
func (g *guardFS) RemoveAll(name string) (err error) {
	_ = g.change("remove", name, func() error { err = g.FS.RemoveAll(name); return nil })
	return err
}

// Unwrap is the file system inside.
func (g *guardFS) Unwrap() vfs.FS { return g.FS }
