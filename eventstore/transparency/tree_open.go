package transparency

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"
)

// positionsFile holds the position of each leaf's event (appendPlace).
const positionsFile = "positions"

// levelFile holds the hashes of a level of tiles.
func levelFile(level int) string { return "level-" + strconv.Itoa(level) }

// TreeOptions are what a tree is opened with.
type TreeOptions struct {
	// FS replaces the file system of the operating system, in tests.
	FS vfs.FS
	// Logf takes what an operator should read: that the files were damaged. Nil drops it.
	Logf func(format string, args ...any)
}

// OpenTree opens the tree in the folder, which it makes if need be. Files that are damaged are no error: then the tree is
// empty, and is built again from the log.
func OpenTree(dir string, o TreeOptions) (*Tree, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if err := o.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the tree's folder: %w", err)
	}
	if err := syncFolder(o.FS, o.FS.PathDir(dir)); err != nil {
		return nil, err
	}
	t := &Tree{disk: o.FS, dir: dir}
	news := make(chan struct{})
	t.news.Store(&news)
	t.broken.Store(&damage{found: make(chan struct{})})
	if err := t.openFiles(); err != nil {
		return nil, errors.Join(err, t.closeFiles())
	}
	if err := t.load(); err != nil {
		if !errors.Is(err, ErrDamaged) {
			return nil, errors.Join(err, t.closeFiles())
		}
		o.Logf("%v; the tree of the log is built again", err)
		t.view.Store(&View{tree: t, root: emptyRoot()})
		if err := t.Reset(); err != nil {
			return nil, errors.Join(err, t.closeFiles())
		}
	}
	return t, nil
}

func (t *Tree) openFiles() (err error) {
	open := func(name string) (f vfs.File) {
		if err == nil {
			f, err = t.disk.OpenReadWrite(t.disk.PathJoin(t.dir, name), diskCategory)
		}
		return f
	}
	for level := range t.levels {
		t.levels[level] = open(levelFile(level))
	}
	t.positions = open(positionsFile)
	if err != nil {
		return fmt.Errorf("open the tree's files: %w", err)
	}
	return syncFolder(t.disk, t.dir)
}

// load takes the state in, if the files bear it out.
func (t *Tree) load() error {
	s, err := readState(t.disk, t.dir)
	if err != nil {
		return err
	}
	view := &View{tree: t, broken: t.broken.Load(), size: s.Size, root: s.Root}
	rest := s.Size
	for height := bits.Len64(uint64(s.Size)) - 1; height >= 0; height-- {
		if s.Size>>height&1 == 0 {
			continue
		}
		rest -= 1 << height
		hash, err := view.subtree(height, (s.Size-rest-1<<height)>>height)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		t.roots = append(t.roots, hash)
	}
	if root := rootOf(t.roots); root != s.Root {
		t.roots = nil
		return fmt.Errorf("%w: the root over %d leaves is %s, not %s", ErrDamaged, s.Size, root, s.Root)
	}
	if s.Size > 0 {
		if t.last, err = view.Position(s.Size - 1); err != nil {
			return err
		}
	}
	if t.last > s.Checkpoint {
		return fmt.Errorf("%w: the last leaf's position %d is past %d", ErrDamaged, t.last, s.Checkpoint)
	}
	t.seen, t.kept = s.Checkpoint, s
	t.view.Store(view)
	return nil
}

// subtree is the hash of the complete subtree of that height with that number among those of its height.
func (v *View) subtree(height int, n int64) (tlog.Hash, error) {
	level, above := height/tileHeight, height%tileHeight
	data := make([]byte, tlog.HashSize<<above)
	if _, err := v.tree.levels[level].ReadAt(data, n<<above*tlog.HashSize); err != nil {
		return tlog.Hash{}, fmt.Errorf("read the tree's %s: %w", levelFile(level), err)
	}
	hashes := make([]tlog.Hash, 1<<above)
	for i := range hashes {
		hashes[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	for ; len(hashes) > 1; hashes = hashes[:len(hashes)/2] {
		for i := range len(hashes) / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0], nil
}
