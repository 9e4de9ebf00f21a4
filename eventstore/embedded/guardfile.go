package embedded

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFile is a file open for writing, or a folder open to be synced, behind guardFS.
type guardFile struct {
	vfs.File
	guard *guardFS
	name  string
	isLog bool
}

// isLogFile tells Pebble's write-ahead log from its other files.
func isLogFile(name string) bool { return strings.HasSuffix(name, ".log") }

// Write guards vfs.File.Write.
func (f *guardFile) Write(p []byte) (n int, err error) {
	err = f.guard.change("write", f.name, func() error {
		n, err = f.File.Write(p)
		return err
	})
	return n, err
}

// WriteAt guards vfs.File.WriteAt.
func (f *guardFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.guard.change("write", f.name, func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

// Preallocate guards vfs.File.Preallocate. Not every file system can, and Pebble does without.
func (f *guardFile) Preallocate(offset, length int64) (err error) {
	_ = f.guard.change("preallocate", f.name, func() error { err = f.File.Preallocate(offset, length); return nil })
	return err
}

// Sync guards vfs.File.Sync.
func (f *guardFile) Sync() error {
	f.count()
	return f.guard.change("sync", f.name, f.File.Sync)
}

// SyncData guards vfs.File.SyncData.
func (f *guardFile) SyncData() error {
	f.count()
	return f.guard.change("sync", f.name, f.File.SyncData)
}

// SyncTo guards vfs.File.SyncTo.
func (f *guardFile) SyncTo(length int64) (full bool, err error) {
	err = f.guard.change("sync", f.name, func() error {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

func (f *guardFile) count() {
	if f.isLog {
		f.guard.syncs.Add(1)
	}
}
