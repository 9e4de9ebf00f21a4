package transparency

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

// comparePage is how many events are read at once.
const comparePage = 1000

// LeafSource is where the hashes of leaves are known from: a view of this node's tree, or a mirror's tiles.
type LeafSource interface {
	Size() int64
	LeafHashes(ctx context.Context, first int64, n int) ([]tlog.Hash, error)
}

var (
	_ LeafSource = (*View)(nil)
	_ LeafSource = (*mirrorLeaves)(nil)
)

// Comparison is what rebuilding the tree from the log came to.
type Comparison struct {
	// Leaves were the same, from the first on.
	Leaves int64
	// Root is that of the log's leaves, as many as were compared.
	Root tlog.Hash
	// Difference is the first leaf that is another one, nil when all are the same.
	Difference *Difference
}

// Difference is a leaf that is not the event that the log has in its place.
type Difference struct {
	Leaf int64
	// Stream to Position are the event that stands there now; empty when the log ends before it.
	Stream   string
	Revision eventstore.Revision
	ID       uuid.UUID
	Type     string
	Position eventstore.Position
	// Was is the hash of the leaf, Now that of the event.
	Was, Now tlog.Hash
}

// String names the place.
func (d *Difference) String() string {
	if d.Stream == "" {
		return fmt.Sprintf("leaf %d: the log ends before it", d.Leaf)
	}
	return fmt.Sprintf("leaf %d: %s of %s at revision %d (event %s, position %d) is not what it was", d.Leaf, d.Type, d.Stream, d.Revision, d.ID, d.Position)
}

// CompareLog rebuilds the tree from the log and compares leaf by leaf, up to the size of the source. progress may be nil.
func CompareLog(ctx context.Context, store eventstore.Store, leaves LeafSource, progress func(done, total int64)) (Comparison, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	c := comparison{want: leaves, size: leaves.Size()}
	var at eventstore.Position
	for c.Leaves < c.size && c.Difference == nil {
		records, err := store.ReadAll(ctx, at, eventstore.Forward, comparePage)
		if err != nil {
			return c.Comparison, fmt.Errorf("read the log after position %d: %w", at, err)
		}
		if len(records) == 0 {
			c.Difference = &Difference{Leaf: c.Leaves}
			break
		}
		at = records[len(records)-1].Position
		if err := c.page(ctx, records); err != nil {
			return c.Comparison, err
		}
		progress(c.Leaves, c.size)
	}
	c.Root = rootOf(c.roots)
	return c.Comparison, nil
}

type comparison struct {
	Comparison
	want    LeafSource
	size    int64
	roots   []tlog.Hash
	scratch []byte
}

// page compares the leaves among the records, until one differs.
func (c *comparison) page(ctx context.Context, records []eventstore.Record) error {
	var now []*eventstore.Record
	for i := range records {
		if !LeftOut(records[i].Stream) && c.Leaves+int64(len(now)) < c.size {
			now = append(now, &records[i])
		}
	}
	if len(now) == 0 {
		return nil
	}
	was, err := c.want.LeafHashes(ctx, c.Leaves, len(now))
	if err != nil {
		return err
	}
	for i, r := range now {
		var hash tlog.Hash
		hash, c.scratch = hashLeaf(c.scratch, r)
		if hash != was[i] {
			c.Difference = &Difference{
				Leaf: c.Leaves, Stream: r.Stream, Revision: r.Revision, ID: r.ID, Type: r.Type, Position: r.Position, Was: was[i], Now: hash,
			}
			return nil
		}
		for height := 0; c.Leaves>>height&1 == 1; height++ {
			hash = tlog.NodeHash(c.roots[len(c.roots)-1], hash)
			c.roots = c.roots[:len(c.roots)-1]
		}
		c.roots = append(c.roots, hash)
		c.Leaves++
	}
	return nil
}

// MirrorLeaves are the leaves under a head, from tiles that somebody has mirrored. They are checked against its root.
func MirrorLeaves(head Head, fetch Fetch) LeafSource { return &mirrorLeaves{head: head, fetch: fetch} }

type mirrorLeaves struct {
	head  Head
	fetch Fetch
}

// Size is how many there are.
func (m *mirrorLeaves) Size() int64 { return m.head.Size }

// LeafHashes are the hashes of n leaves from the first on.
func (m *mirrorLeaves) LeafHashes(ctx context.Context, first int64, n int) ([]tlog.Hash, error) {
	reader := tlog.TileHashReader(tlog.Tree{N: m.head.Size, Hash: m.head.Root}, &fetchedTiles{ctx: ctx, fetch: m.fetch})
	hashes, err := reader.ReadHashes(leafIndexes(first, n))
	if err != nil {
		return nil, fmt.Errorf("the mirrored tiles: %w", err)
	}
	return hashes, nil
}
