package main

import (
	"github.com/cockroachdb/pebble/v2/vfs"
)

// carelessDisk waits for no disk. A demonstration's log may be lost with the machine's power: it can be made again from its
// seed, and nobody has to wait while thirty days of payments are synced one after the other.
type carelessDisk struct{ vfs.FS }

func (d carelessDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return carelessly(d.FS.Create(name, category))
}

func (d carelessDisk) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return carelessly(d.FS.Open(name, opts...))
}

func (d carelessDisk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return carelessly(d.FS.OpenReadWrite(name, category, opts...))
}

func (d carelessDisk) OpenDir(name string) (vfs.File, error) { return carelessly(d.FS.OpenDir(name)) }

func (d carelessDisk) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return carelessly(d.FS.ReuseForWrite(oldname, newname, category))
}

// carelessFile is a file of it.
type carelessFile struct{ vfs.File }

func carelessly(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return carelessFile{f}, nil
}

func (carelessFile) Sync() error                { return nil }
func (carelessFile) SyncData() error            { return nil }
func (carelessFile) SyncTo(int64) (bool, error) { return false, nil }
