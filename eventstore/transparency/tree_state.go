package transparency

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

const (
	stateFile    = "state"
	stateVersion = 1
	// maxStateBytes bounds the file when it is read.
	maxStateBytes = 4096
	// diskCategory is what Pebble's file systems count our writes as.
	diskCategory vfs.DiskWriteCategory = "transparency"
)

// treeState is what the files next to it are good for. They may hold more; what they hold up to here is on the disk.
type treeState struct {
	Version int       `json:"version"`
	Size    int64     `json:"size"`
	Root    tlog.Hash `json:"root"`
	// Checkpoint is the position up to which the log has been seen.
	Checkpoint eventstore.Position `json:"checkpoint"`
}

// encode is a line of JSON and a line with its digest.
func (s treeState) encode() ([]byte, error) {
	line, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(line)
	return append(append(line, '\n'), hex.EncodeToString(sum[:])+"\n"...), nil
}

// parseTreeState reads what encode wrote, and nothing else.
func parseTreeState(text []byte) (treeState, error) {
	var s treeState
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&s); err != nil {
		return treeState{}, fmt.Errorf("%w: %s: %w", ErrDamaged, stateFile, err)
	}
	again, err := s.encode()
	if err != nil || string(again) != string(text) || s.Version != stateVersion || s.Size < 0 || s.Size > maxTreeSize {
		return treeState{}, fmt.Errorf("%w: %s is altered", ErrDamaged, stateFile)
	}
	return s, nil
}

// readState reads the state; the zero one if there is none.
func readState(disk vfs.FS, dir string) (treeState, error) {
	f, err := disk.Open(disk.PathJoin(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return treeState{Version: stateVersion, Root: emptyRoot()}, nil
	}
	if err != nil {
		return treeState{}, fmt.Errorf("open the tree's %s: %w", stateFile, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxStateBytes))
	if err := errors.Join(err, f.Close()); err != nil {
		return treeState{}, fmt.Errorf("read the tree's %s: %w", stateFile, err)
	}
	return parseTreeState(text)
}

// writeState replaces the state: after a crash there is the one before or this one.
func writeState(disk vfs.FS, dir string, s treeState) (err error) {
	text, err := s.encode()
	if err != nil {
		return err
	}
	path := disk.PathJoin(dir, stateFile)
	fresh := path + ".new"
	f, err := disk.Create(fresh, diskCategory)
	if err != nil {
		return fmt.Errorf("write the tree's %s: %w", stateFile, err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the tree's %s: %w", stateFile, err)
	}
	if err := disk.Rename(fresh, path); err != nil {
		return fmt.Errorf("write the tree's %s: %w", stateFile, err)
	}
	return syncFolder(disk, dir)
}

// syncFolder makes the folder's names durable.
func syncFolder(disk vfs.FS, dir string) error {
	f, err := disk.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("sync the tree's folder: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync the tree's folder: %w", err)
	}
	return nil
}

// emptyRoot is the hash of a tree without leaves (RFC 6962, 2.1).
func emptyRoot() tlog.Hash { return sha256.Sum256(nil) }
