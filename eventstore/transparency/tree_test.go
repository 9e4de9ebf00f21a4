package transparency

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
)

// grow appends leaves in batches that rapid cuts, with commits and restarts between them.
func grow(t *rapid.T, disk vfs.FS, leaves []Leaf) *Tree {
	tree := mustOpen(t, disk)
	for from := 0; from < len(leaves); {
		to := min(len(leaves), from+rapid.IntRange(1, 700).Draw(t, "batch"))
		if err := tree.Append(leaves[from:to], leaves[to-1].Position); err != nil {
			t.Fatal(err)
		}
		from = to
		if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
			if err := tree.Close(); err != nil {
				t.Fatal(err)
			}
			if tree = mustOpen(t, disk); tree.View().Size() != int64(to) || tree.Seen() != leaves[to-1].Position {
				t.Fatalf("opened again it has %d leaves, not %d", tree.View().Size(), to)
			}
		}
	}
	return tree
}

func mustOpen(t rapid.TB, disk vfs.FS) *Tree {
	tree, err := OpenTree("/tree", TreeOptions{FS: disk, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTheTreeFollowsFromItsLeavesHoweverTheyCome(t *testing.T) {
	leaves := leavesUpTo(3000)
	hashes := hashesOf(leaves)
	rapid.Check(t, func(t *rapid.T) {
		size := drawSize(len(leaves)).Draw(t, "size")
		tree := grow(t, vfs.NewMem(), leaves[:size])
		if got, want := tree.View().Root(), naiveRoot(hashes[:size]); got != want {
			t.Fatalf("the root over %d leaves is %s, want %s", size, got, want)
		}
		earlier := drawSize(size).Draw(t, "earlier size")
		then, err := tree.View().At(int64(earlier))
		if err != nil || then.Root() != naiveRoot(hashes[:earlier]) || then.Size() != int64(earlier) {
			t.Fatalf("the root over the first %d of %d leaves is %v, %v", earlier, size, then, err)
		}
		if err := tree.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestEveryLeafIsProvedInEveryTree(t *testing.T) {
	leaves := leavesUpTo(70_000)
	tree := openTree(t, vfs.NewMem())
	closing(t, tree)
	if err := tree.Append(leaves, 0); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		size := max(1, drawSize(len(leaves)).Draw(t, "size"))
		view, err := tree.View().At(int64(size))
		if err != nil {
			t.Fatal(err)
		}
		n := int64(rapid.IntRange(0, size-1).Draw(t, "leaf"))
		proof, err := view.Inclusion(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, view.Size(), view.Root(), n, leaves[n].Hash); err != nil {
			t.Fatal(err)
		}
		if other := (n + 1) % int64(len(leaves)); tlog.CheckRecord(proof, view.Size(), view.Root(), n, leaves[other].Hash) == nil {
			t.Fatal("another leaf is proved as well")
		}
		found, ok, err := view.Find(leaves[n].Position)
		if err != nil || !ok || found != n {
			t.Fatalf("leaf %d is found as %d, %t, %v", n, found, ok, err)
		}
		if _, ok, err := view.Find(leaves[n].Position + 1); ok || err != nil { // every third position has a leaf
			t.Fatalf("a leaf is found where there is none, %v", err)
		}
	})
	for _, n := range []int64{-1, 70_000} {
		if _, err := tree.View().Inclusion(n); !errors.Is(err, ErrNotFound) {
			t.Errorf("leaf %d: %v", n, err)
		}
	}
	if _, found, err := tree.View().Find(eventstore.EndPosition); found || err != nil {
		t.Errorf("a leaf past the end is found, %v", err)
	}
}

func TestAnyTwoSizesAreConsistent(t *testing.T) {
	leaves := leavesUpTo(66_000)
	tree := openTree(t, vfs.NewMem())
	closing(t, tree)
	if err := tree.Append(leaves, 0); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		size := max(1, drawSize(len(leaves)).Draw(t, "size"))
		earlier := max(1, drawSize(size).Draw(t, "earlier size"))
		view, err := tree.View().At(int64(size))
		if err != nil {
			t.Fatal(err)
		}
		then, err := tree.View().At(int64(earlier))
		if err != nil {
			t.Fatal(err)
		}
		proof, err := view.Consistency(then.Size())
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(proof, view.Size(), view.Root(), then.Size(), then.Root()); err != nil {
			t.Fatal(err)
		}
		if tlog.CheckTree(proof, view.Size(), view.Root(), then.Size(), leafAt(1).Hash) == nil {
			t.Fatal("another root is consistent as well")
		}
	})
	for _, size := range []int64{0, 66_000} {
		if proof, err := tree.View().Consistency(size); err != nil || len(proof) != 0 {
			t.Errorf("from %d: %v, %v", size, proof, err)
		}
	}
	for _, size := range []int64{-1, 66_001} {
		if _, err := tree.View().Consistency(size); !errors.Is(err, ErrBehind) {
			t.Errorf("from %d: %v", size, err)
		}
		if _, err := tree.View().At(size); !errors.Is(err, ErrBehind) {
			t.Errorf("at %d: %v", size, err)
		}
	}
}

func TestAViewStaysAsItIsWhileTheTreeGrows(t *testing.T) {
	tree := openTree(t, vfs.NewMem())
	closing(t, tree)
	leaves := leavesUpTo(1000)
	if err := tree.Append(leaves[:300], 0); err != nil {
		t.Fatal(err)
	}
	view, changed := tree.View(), tree.Changed()
	select {
	case <-changed:
		t.Fatal("changed already")
	default:
	}
	if err := tree.Append(leaves[300:], 0); err != nil {
		t.Fatal(err)
	}
	<-changed
	if view.Size() != 300 || view.Root() != naiveRoot(hashesOf(leaves[:300])) {
		t.Error("the view is another one")
	}
	proof, err := view.Inclusion(299)
	if err != nil || tlog.CheckRecord(proof, 300, view.Root(), 299, leaves[299].Hash) != nil {
		t.Errorf("no proof: %v", err)
	}
}

func TestLeavesComeInTheOrderOfTheLog(t *testing.T) {
	tree := openTree(t, vfs.NewMem())
	closing(t, tree)
	leaves := leavesUpTo(3)
	if err := tree.Append(leaves[:2], 0); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]Leaf{leaves[1:2], {leaves[2], leaves[2]}, {{Hash: leaves[2].Hash}}} {
		if err := tree.Append(wrong, 0); !errors.Is(err, ErrOtherLog) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	if tree.View().Root() != naiveRoot(hashesOf(leaves[:2])) {
		t.Error("it has changed")
	}
}

// Whatever byte of the files is altered, no proof and no tile comes out of the tree that is not one of the true tree.
func TestDamageIsFoundBeforeItGetsOut(t *testing.T) {
	const size = 700
	leaves := leavesUpTo(size)
	disk := vfs.NewMem()
	tree := openTree(t, disk)
	if err := tree.Append(leaves, leaves[size-1].Position); err != nil {
		t.Fatal(err)
	}
	root := tree.View().Root()
	if err := tree.Close(); err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, name := range []string{"level-0", "level-1", "state", "positions"} {
		files[name] = readFile(t, disk, name)
	}
	found := 0
	for name, whole := range files {
		for at := 0; at < len(whole); at += 1 + len(whole)/101 {
			files[name] = bytes.Clone(whole)
			files[name][at] ^= 0x40
			found += lookAtDamaged(t, files, root, leaves)
		}
		for _, cut := range []int{0, len(whole) / 2, len(whole) - 1} {
			files[name] = whole[:cut]
			found += lookAtDamaged(t, files, root, leaves)
		}
		files[name] = whole
	}
	if found < 200 {
		t.Errorf("damage was found %d times", found)
	}
	if lookAtDamaged(t, files, root, leaves) != 0 {
		t.Error("damage was found where there is none")
	}
}

func readFile(t *testing.T, disk *vfs.MemFS, name string) []byte {
	t.Helper()
	f, err := disk.Open("/tree/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// lookAtDamaged opens a tree with the files: it is empty, or its root is the true one and all that comes out fits it. It answers
// 1 if damage was found.
func lookAtDamaged(t *testing.T, files map[string][]byte, root tlog.Hash, leaves []Leaf) int {
	t.Helper()
	disk := vfs.NewMem()
	if err := disk.MkdirAll("/tree", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		f, err := disk.Create("/tree/"+name, diskCategory)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(bytes.Clone(data)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := OpenTree("/tree", TreeOptions{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	view := tree.View()
	if view.Size() == 0 {
		if tree.Seen() != 0 {
			t.Fatal("an empty tree has seen something")
		}
		return 1
	}
	if view.Root() != root {
		t.Fatalf("the root is %s", view.Root())
	}
	damaged := 0
	for n := int64(0); n < view.Size(); n += 29 {
		proof, err := view.Inclusion(n)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			<-tree.Damaged()
			damaged = 1
			continue
		}
		if err := tlog.CheckRecord(proof, view.Size(), root, n, leaves[n].Hash); err != nil {
			t.Fatalf("leaf %d: %v", n, err)
		}
	}
	for n := range leaves {
		at, err := view.Position(int64(n))
		if err != nil {
			damaged = 1
		} else if at != leaves[n].Position {
			t.Fatalf("leaf %d is at position %d", n, at)
		}
	}
	for _, tile := range NewTiles(0, view.Size()) {
		if tile.IsEntries() {
			continue
		}
		data, err := view.Tile(tile)
		if err != nil {
			damaged = 1
			continue
		}
		if len(data) != tile.Width*tlog.HashSize {
			t.Fatalf("%v has %d bytes", tile, len(data))
		}
		for i := 0; tile.Level == 0 && i < tile.Width; i++ {
			if want := leaves[int(tile.Number)*256+i].Hash; tlog.Hash(data[i*32:]) != want {
				t.Fatalf("%v has another leaf %d", tile, i)
			}
		}
	}
	return damaged
}

func TestAResetTreeBeginsAnew(t *testing.T) {
	disk := vfs.NewMem()
	tree := openTree(t, disk)
	closing(t, tree)
	if err := tree.Append(leavesUpTo(500), 2000); err != nil {
		t.Fatal(err)
	}
	old := tree.View()
	if err := tree.Reset(); err != nil {
		t.Fatal(err)
	}
	if tree.View().Size() != 0 || tree.Seen() != 0 || tree.View().Root() != emptyRoot() {
		t.Fatal("it is not empty")
	}
	other := make([]Leaf, 400)
	for i := range other {
		other[i] = Leaf{Hash: tlog.RecordHash(binary.BigEndian.AppendUint64(nil, uint64(i))), Position: eventstore.Position(i + 1)}
	}
	if err := tree.Append(other, 400); err != nil {
		t.Fatal(err)
	}
	if got, want := tree.View().Root(), naiveRoot(hashesOf(other)); got != want {
		t.Errorf("the root is %s, want %s", got, want)
	}
	// Who still holds the old one is told, and the new one is none the worse for it.
	if _, err := old.Inclusion(3); !errors.Is(err, ErrDamaged) {
		t.Errorf("a view of before: %v", err)
	}
	select {
	case <-tree.Damaged():
		t.Error("the new tree is damaged")
	default:
	}
}
