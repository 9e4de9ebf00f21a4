package transparency

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

// View is the tree at one size. It stays as it is while the tree grows; after a Reset its reads fail as damaged.
//
// What is read of the tree is checked against the root, so that a damaged file never gets into a proof.
type View struct {
	tree   *Tree
	broken *damage
	size   int64
	root   tlog.Hash
}

// Size is how many leaves it has.
func (v *View) Size() int64 { return v.size }

// Root is its hash.
func (v *View) Root() tlog.Hash { return v.root }

// At is the tree when it had that many leaves. Errors: ErrBehind, ErrDamaged.
func (v *View) At(size int64) (*View, error) {
	switch {
	case size < 0 || size > v.size:
		return nil, fmt.Errorf("%w: it has %d leaves, not %d", ErrBehind, v.size, size)
	case size == v.size:
		return v, nil
	case size == 0:
		return &View{tree: v.tree, broken: v.broken, root: emptyRoot()}, nil
	}
	root, err := tlog.TreeHash(size, v.hashes())
	if err != nil {
		return nil, v.broken.note(err)
	}
	return &View{tree: v.tree, broken: v.broken, size: size, root: root}, nil
}

// Inclusion proves that the leaf of that number is in the tree (RFC 6962, 2.1.1).
func (v *View) Inclusion(leaf int64) (tlog.RecordProof, error) {
	if leaf < 0 || leaf >= v.size {
		return nil, fmt.Errorf("%w: leaf %d of %d", ErrNotFound, leaf, v.size)
	}
	proof, err := tlog.ProveRecord(v.size, leaf, v.hashes())
	if err != nil {
		return nil, v.broken.note(err)
	}
	return proof, nil
}

// Consistency proves that the tree with that many leaves is the beginning of this one (RFC 6962, 2.1.2). The proof from
// nothing, and from itself, is empty.
func (v *View) Consistency(old int64) (tlog.TreeProof, error) {
	switch {
	case old < 0 || old > v.size:
		return nil, fmt.Errorf("%w: it has %d leaves, not %d", ErrBehind, v.size, old)
	case old == 0 || old == v.size:
		return nil, nil
	}
	proof, err := tlog.ProveTree(v.size, old, v.hashes())
	if err != nil {
		return nil, v.broken.note(err)
	}
	return proof, nil
}

// Position is where the store has the event of the leaf.
func (v *View) Position(leaf int64) (eventstore.Position, error) {
	var place [placeBytes]byte
	if _, err := v.tree.positions.ReadAt(place[:], leaf*placeBytes); err != nil {
		return 0, v.broken.note(fmt.Errorf("read the tree's %s: %w", positionsFile, err))
	}
	at := eventstore.Position(binary.LittleEndian.Uint64(place[:]))
	if !bytes.Equal(appendPlace(nil, leaf, at), place[:]) {
		return 0, v.broken.note(fmt.Errorf("the tree's %s: the place of leaf %d is altered", positionsFile, leaf))
	}
	return at, nil
}

// appendPlace appends an entry of the file of positions. No root is over these, so each has a checksum: a damaged one must not
// look like an event that was changed.
func appendPlace(dst []byte, leaf int64, at eventstore.Position) []byte {
	from := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(at))
	sum := crc32.Update(uint32(leaf), crc32.MakeTable(crc32.Castagnoli), dst[from:])
	return binary.LittleEndian.AppendUint32(dst, sum^uint32(leaf>>32))
}

// Find is the number of the leaf whose event is at the position, false when none is.
func (v *View) Find(at eventstore.Position) (leaf int64, found bool, err error) {
	var there eventstore.Position
	n := sort.Search(int(v.size), func(i int) bool {
		if err != nil {
			return true
		}
		var p eventstore.Position
		if p, err = v.Position(int64(i)); p >= at {
			there = p
			return true
		}
		return false
	})
	return int64(n), err == nil && there == at && at != 0, err
}

// findAfter is Find among the leaves after one, and fast where the event's is near to it.
func (v *View) findAfter(after int64, at eventstore.Position) (leaf int64, found bool, err error) {
	low, step := after+1, int64(1)
	for low+step < v.size {
		p, err := v.Position(low + step)
		if err != nil {
			return 0, false, err
		}
		if p >= at {
			break
		}
		low, step = low+step, step*2
	}
	high := min(low+step+1, v.size)
	n := sort.Search(int(high-low), func(i int) bool {
		var p eventstore.Position
		if err == nil {
			p, err = v.Position(low + int64(i))
		}
		return err != nil || p >= at
	})
	if leaf = low + int64(n); err != nil || leaf >= v.size {
		return leaf, false, err
	}
	p, err := v.Position(leaf)
	return leaf, err == nil && p == at && at != 0, err
}

// LeafHashes are the hashes of n leaves from the first on.
func (v *View) LeafHashes(_ context.Context, first int64, n int) ([]tlog.Hash, error) {
	if first < 0 || n < 0 || first+int64(n) > v.size {
		return nil, fmt.Errorf("%w: leaves %d to %d of %d", ErrNotFound, first, first+int64(n), v.size)
	}
	hashes, err := v.hashes().ReadHashes(leafIndexes(first, n))
	if err != nil {
		return nil, v.broken.note(err)
	}
	return hashes, nil
}

// leafIndexes are what tlog calls the hashes of n leaves.
func leafIndexes(first int64, n int) []int64 {
	indexes := make([]int64, n)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	return indexes
}

// Tile is the data of a tile. Errors: ErrNotFound when the tree has no such tile, or not that wide.
func (v *View) Tile(t Tile) ([]byte, error) {
	if !t.in(v.size) {
		return nil, fmt.Errorf("%w: %s in a tree of %d", ErrNotFound, t.Path(), v.size)
	}
	source := &tileSource{tree: v.tree, keep: t}
	// Asking for a hash of it has the whole tile checked.
	first := tlog.StoredHashIndex(t.Level*tileHeight, t.Number*tileWidth)
	if _, err := tlog.TileHashReader(tlog.Tree{N: v.size, Hash: v.root}, source).ReadHashes([]int64{first}); err != nil {
		return nil, v.broken.note(err)
	}
	return source.kept[:t.Width*tlog.HashSize], nil
}

// hashes reads hashes of the tree, each checked against the root.
func (v *View) hashes() tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: v.size, Hash: v.root}, &tileSource{tree: v.tree})
}

// tileSource reads tiles from the files.
type tileSource struct {
	tree *Tree
	keep Tile
	// kept is the data of the tile to keep, once it was checked.
	kept []byte
}

var _ tlog.TileReader = (*tileSource)(nil)

// Height is the height of the tiles.
func (s *tileSource) Height() int { return tileHeight }

// ReadTiles reads the tiles.
func (s *tileSource) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		if t.L < 0 || t.L >= treeLevels {
			return nil, fmt.Errorf("no level %d", t.L)
		}
		data[i] = make([]byte, t.W*tlog.HashSize)
		if _, err := s.tree.levels[t.L].ReadAt(data[i], t.N*tileWidth*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("read the tree's %s: %w", levelFile(t.L), err)
		}
	}
	return data, nil
}

// SaveTiles is told which tiles fit the root.
func (s *tileSource) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		if t.L == s.keep.Level && t.N == s.keep.Number {
			s.kept = data[i]
		}
	}
}
