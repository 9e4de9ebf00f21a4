package transparency

import (
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// The leaves that are known, and the fewest complete subtrees between them, make up the same root as all leaves do.
func TestTheSubtreesBetweenSomeLeavesMakeUpTheRoot(t *testing.T) {
	const most = 300
	hashes := hashesOf(leavesUpTo(most))
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, most).Draw(t, "size")
		known := rapid.SliceOfNDistinct(rapid.IntRange(0, size-1), 0, size, rapid.ID[int]).Draw(t, "known")
		is := make([]bool, size+1)
		for _, k := range known {
			is[k] = true
		}
		is[size] = true
		var c cover
		from, records := 0, 0
		for to := range size + 1 {
			if !is[to] {
				continue
			}
			for _, s := range gapBetween(int64(from), int64(to)) {
				records++
				if err := c.add(s.height, naiveRoot(hashes[s.first:s.first+1<<s.height])); err != nil {
					t.Fatal(err)
				}
			}
			if to < size {
				if err := c.add(0, hashes[to]); err != nil {
					t.Fatal(err)
				}
			}
			from = to + 1
		}
		if c.size != int64(size) || c.root() != naiveRoot(hashes[:size]) {
			t.Fatalf("%d leaves with %d known make another root", size, len(known))
		}
		if bound := 18 * (len(known) + 1); records > bound {
			t.Fatalf("%d subtrees between %d leaves of %d", records, len(known), size)
		}
	})
}

func TestASubtreeThatCanNotLieThereIsRefused(t *testing.T) {
	var c cover
	if err := c.add(0, tlog.Hash{}); err != nil {
		t.Fatal(err)
	}
	for _, height := range []int{1, 5, 53, 54, 63, 64, 255, -1} {
		if err := c.add(height, tlog.Hash{}); !errors.Is(err, errCover) {
			t.Errorf("height %d after one leaf: %v", height, err)
		}
	}
	if err := (&cover{}).add(maxCoverHeight, tlog.Hash{}); !errors.Is(err, errCover) {
		t.Errorf("more leaves than a tree can have: %v", err)
	}
}
