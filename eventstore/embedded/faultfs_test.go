package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// faultFS is a file system that begins to fail.
type faultFS struct {
	vfs.FS
	// fails answers the error of an operation on a file, nil for none. It is called once armed.
	fails func(op, name string) error
	armed atomic.Bool
	// hit is closed at the first failure.
	hit  chan struct{}
	once sync.Once
}

func newFaultFS(inner vfs.FS, fails func(op, name string) error) *faultFS {
	return &faultFS{FS: inner, fails: fails, hit: make(chan struct{})}
}

func (f *faultFS) fault(op, name string) error {
	if !f.armed.Load() {
		return nil
	}
	err := f.fails(op, filepath.Base(name))
	if err == nil {
		return nil
	}
	f.once.Do(func() { close(f.hit) })
	return &os.PathError{Op: op, Path: name, Err: err}
}

func (f *faultFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.fault("create", name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.FS.Create(name, category))
}

func (f *faultFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := f.fault("create", name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.FS.OpenReadWrite(name, category, opts...))
}

func (f *faultFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.fault("create", newname); err != nil {
		return nil, err
	}
	return f.wrap(newname)(f.FS.ReuseForWrite(oldname, newname, category))
}

func (f *faultFS) OpenDir(name string) (vfs.File, error) { return f.wrap(name)(f.FS.OpenDir(name)) }

func (f *faultFS) Rename(oldname, newname string) error {
	if err := f.fault("rename", newname); err != nil {
		return err
	}
	return f.FS.Rename(oldname, newname)
}

func (f *faultFS) MkdirAll(dir string, perm os.FileMode) error {
	if err := f.fault("mkdir", dir); err != nil {
		return err
	}
	return f.FS.MkdirAll(dir, perm)
}

func (f *faultFS) wrap(name string) func(vfs.File, error) (vfs.File, error) {
	return func(file vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		return &faultFile{File: file, fs: f, name: name}, nil
	}
}

type faultFile struct {
	vfs.File
	fs   *faultFS
	name string
}

// Write writes half of what it is given when it fails, as a disk that fills up does.
func (f *faultFile) Write(p []byte) (int, error) {
	if err := f.fs.fault("write", f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultFile) Sync() error {
	if err := f.fs.fault("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultFile) SyncData() error {
	if err := f.fs.fault("sync", f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

// on is a fault of one operation on files whose names hold the word.
func on(op, word string, err error) func(op, name string) error {
	return func(gotOp, name string) error {
		if (op == "" || op == gotOp) && strings.Contains(name, word) {
			return err
		}
		return nil
	}
}
