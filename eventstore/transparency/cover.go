package transparency

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// errCover is of hashes that make up no tree.
var errCover = errors.New("the hashes make up no tree")

// maxCoverHeight is the height of a tree of maxTreeSize.
const maxCoverHeight = 53

// subtree is a complete subtree: 2^height leaves, the first at a multiple of that. A leaf is one of height 0.
type subtree struct {
	height int
	first  int64
}

// gapBetween are the fewest complete subtrees that lie side by side from one leaf to before another.
func gapBetween(from, to int64) []subtree {
	var list []subtree
	for from < to {
		height := maxCoverHeight
		if from != 0 {
			height = bits.TrailingZeros64(uint64(from))
		}
		height = min(height, bits.Len64(uint64(to-from))-1)
		list = append(list, subtree{height, from})
		from += 1 << height
	}
	return list
}

// index is what tlog calls the subtree's hash.
func (s subtree) index() int64 { return tlog.StoredHashIndex(s.height, s.first>>s.height) }

// cover adds up the root of a tree from complete subtrees that lie side by side, from the first leaf on.
type cover struct {
	size int64
	// heights and hashes are the subtrees that are whole so far, the largest first.
	heights []int
	hashes  []tlog.Hash
}

// add adds the next subtree, which has to begin at a multiple of its size.
func (c *cover) add(height int, hash tlog.Hash) error {
	if height < 0 || height > maxCoverHeight || c.size&(1<<height-1) != 0 || c.size > maxTreeSize-1<<height {
		return fmt.Errorf("%w: no subtree of height %d begins at leaf %d", errCover, height, c.size)
	}
	c.size += 1 << height
	for n := len(c.heights); n > 0 && c.heights[n-1] == height; n-- {
		hash = tlog.NodeHash(c.hashes[n-1], hash)
		height++
		c.heights, c.hashes = c.heights[:n-1], c.hashes[:n-1]
	}
	c.heights, c.hashes = append(c.heights, height), append(c.hashes, hash)
	return nil
}

// root is that of the leaves so far (RFC 6962, 2.1).
func (c *cover) root() tlog.Hash { return rootOf(c.hashes) }
