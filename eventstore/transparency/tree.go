package transparency

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

const (
	// tileHeight is the height of a tile, tileWidth its width (C2SP tlog-tiles).
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// treeLevels are the levels of tiles that are kept: enough for maxTreeSize leaves.
	treeLevels = 7
	// maxTreeSize bounds the leaves of a tree: integers up to here are exact in every language.
	maxTreeSize = 1<<53 - 1
	// placeBytes is the size of an entry of the file of positions: the position, and a checksum over it and the leaf's number.
	placeBytes = 8 + 4
)

// Leaf is a leaf of the tree, and where the store has its event.
type Leaf struct {
	Hash     tlog.Hash
	Position eventstore.Position
}

// Tree is the tree on this node's disk. Its folder holds one file for each level of tiles, the hashes one after the other (so
// tile N of width W is W*32 bytes at N*8192 of its level's file), one file with the position of each leaf's event, and
// the state, which says how much of them counts. They are only added to, and reading takes no lock.
//
// The folder is a cache of what the log says: Open begins anew when it is lost or damaged.
type Tree struct {
	disk vfs.FS
	dir  string

	// mu is held by who changes the tree.
	mu        sync.Mutex
	levels    [treeLevels]vfs.File
	positions vfs.File
	// roots are the hashes of the complete subtrees that the leaves fall into, the largest first: one for each bit of the
	// size.
	roots []tlog.Hash
	// last is the position of the last leaf's event, seen the one up to which the log has been seen.
	last, seen eventstore.Position
	// kept is the state on the disk.
	kept treeState

	view atomic.Pointer[View]
	// news is closed when the tree has grown or seen more.
	news atomic.Pointer[chan struct{}]
	// broken is closed when damage was found in the files as they are since they were opened or emptied.
	broken atomic.Pointer[damage]
}

// damage is told once.
type damage struct {
	once  sync.Once
	found chan struct{}
}

// note notes the damage and answers it as an error.
func (d *damage) note(err error) error {
	d.once.Do(func() { close(d.found) })
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// Append adds leaves, and notes that the log has been seen up to the position. It is durable after Commit. After an error
// nothing was added, and it may be tried again.
func (t *Tree) Append(leaves []Leaf, seen eventstore.Position) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	size := t.view.Load().size
	if size+int64(len(leaves)) > maxTreeSize {
		return fmt.Errorf("%w: the tree is full", ErrTooLarge)
	}
	if len(leaves) > 0 {
		if err := t.write(size, leaves); err != nil {
			return err
		}
	}
	t.seen = max(t.seen, seen)
	t.show(size + int64(len(leaves)))
	return nil
}

// write writes what the leaves add to each file.
func (t *Tree) write(size int64, leaves []Leaf) error {
	var added [treeLevels][]byte
	added[0] = make([]byte, 0, len(leaves)*tlog.HashSize)
	places := make([]byte, 0, len(leaves)*placeBytes)
	roots, last := slices.Clone(t.roots), t.last
	for i, leaf := range leaves {
		if leaf.Position <= last {
			return fmt.Errorf("%w: an event at position %d follows the one at %d", ErrOtherLog, leaf.Position, last)
		}
		last = leaf.Position
		places = appendPlace(places, size+int64(i), leaf.Position)
		hash := leaf.Hash
		added[0] = append(added[0], hash[:]...)
		for height := 0; (size+int64(i))>>height&1 == 1; height++ {
			hash = tlog.NodeHash(roots[len(roots)-1], hash)
			roots = roots[:len(roots)-1]
			if at := height + 1; at%tileHeight == 0 {
				added[at/tileHeight] = append(added[at/tileHeight], hash[:]...)
			}
		}
		roots = append(roots, hash)
	}
	for level, data := range added {
		if len(data) == 0 {
			continue
		}
		if _, err := t.levels[level].WriteAt(data, size>>(tileHeight*level)*tlog.HashSize); err != nil {
			return fmt.Errorf("write the tree's %s: %w", levelFile(level), err)
		}
	}
	if _, err := t.positions.WriteAt(places, size*placeBytes); err != nil {
		return fmt.Errorf("write the tree's %s: %w", positionsFile, err)
	}
	t.roots, t.last = roots, last
	return nil
}

// show lets others see that many leaves.
func (t *Tree) show(size int64) {
	t.view.Store(&View{tree: t, broken: t.broken.Load(), size: size, root: rootOf(t.roots)})
	next := make(chan struct{})
	close(*t.news.Swap(&next))
}

// rootOf is the root over subtrees of falling size.
func rootOf(roots []tlog.Hash) tlog.Hash {
	if len(roots) == 0 {
		return emptyRoot()
	}
	root := roots[len(roots)-1]
	for i := len(roots) - 2; i >= 0; i-- {
		root = tlog.NodeHash(roots[i], root)
	}
	return root
}

// Commit makes what was added durable. A tree that is opened again has what was there at the last Commit, or more.
func (t *Tree) Commit() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.commit()
}

func (t *Tree) commit() error {
	view := t.view.Load()
	next := treeState{Version: stateVersion, Size: view.size, Root: view.root, Checkpoint: t.seen}
	if next == t.kept {
		return nil
	}
	if next.Size != t.kept.Size {
		for level := range (bits.Len64(uint64(next.Size)) + tileHeight - 1) / tileHeight {
			if err := t.levels[level].SyncData(); err != nil {
				return fmt.Errorf("sync the tree's %s: %w", levelFile(level), err)
			}
		}
		if err := t.positions.SyncData(); err != nil {
			return fmt.Errorf("sync the tree's %s: %w", positionsFile, err)
		}
	}
	if err := writeState(t.disk, t.dir, next); err != nil {
		return err
	}
	t.kept = next
	return nil
}

// Reset empties the tree, durably, to be built again.
func (t *Tree) Reset() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	empty := treeState{Version: stateVersion, Root: emptyRoot()}
	if err := writeState(t.disk, t.dir, empty); err != nil {
		return err
	}
	t.kept, t.roots, t.last, t.seen = empty, nil, 0, 0
	t.broken.Store(&damage{found: make(chan struct{})})
	t.show(0)
	return nil
}

// View is the tree as it is now.
func (t *Tree) View() *View { return t.view.Load() }

// Seen is the position up to which the log has been seen: where to go on from.
func (t *Tree) Seen() eventstore.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen
}

// Changed is closed when the tree has grown, or has seen more of the log, since the call.
func (t *Tree) Changed() <-chan struct{} { return *t.news.Load() }

// Damaged is closed when damage was found in the files. Reset begins anew.
func (t *Tree) Damaged() <-chan struct{} { return t.broken.Load().found }

// Close commits and closes the files. Nothing may use the tree or its views any more.
func (t *Tree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.commit(), t.closeFiles())
}

func (t *Tree) closeFiles() error {
	var errs []error
	for _, f := range append(t.levels[:], t.positions) {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
