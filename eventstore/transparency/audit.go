package transparency

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// checkpointPath is where the newest head is published.
const checkpointPath = "checkpoint"

// Fetch answers what a log publishes under a path: checkpoint, tile/0/000 …. Publisher.Fetch is one, a GET of a URL or a folder
// that somebody mirrors into another.
type Fetch func(ctx context.Context, path string) ([]byte, error)

// Since is that a head is the beginning of a newer one.
type Since struct {
	Old, New Checkpoint
	// Proof is the consistency proof (RFC 6962, 2.1.2).
	Proof tlog.TreeProof
}

// CheckSince tells whether everything that an old checkpoint was over is in the log still, unaltered and in its place, and
// answers the proof. Nothing that is fetched is believed: the heads are signed, and tiles have to fit their roots. Errors:
// *HistoryError when history was changed, ErrCheckpoint when a head isn't signed by the keys, fetch's.
func CheckSince(ctx context.Context, fetch Fetch, old string, keys Keys) (Since, error) {
	before, err := OpenCheckpoint(old, keys)
	if err != nil {
		return Since{}, fmt.Errorf("the old checkpoint: %w", err)
	}
	text, err := fetch(ctx, checkpointPath)
	if err != nil {
		return Since{}, fmt.Errorf("fetch the newest checkpoint: %w", err)
	}
	now, err := OpenCheckpoint(string(text), keys)
	if err != nil {
		return Since{}, fmt.Errorf("the newest checkpoint: %w", err)
	}
	if before.Origin != now.Origin {
		return Since{}, fmt.Errorf("%w: the old one is of the log %s, the newest of %s", ErrCheckpoint, before.Origin, now.Origin)
	}
	since := Since{Old: before, New: now}
	changed := &HistoryError{Size: before.Size, Signed: before.Root, Have: now.Size}
	switch {
	case before.Size > now.Size:
		return since, changed
	case before.Size == 0:
		return since, nil
	}
	reader := tlog.TileHashReader(tlog.Tree{N: now.Size, Hash: now.Root}, &fetchedTiles{ctx: ctx, fetch: fetch})
	if changed.Now, err = tlog.TreeHash(before.Size, reader); err != nil {
		return since, fmt.Errorf("the tiles of the newest head: %w", err)
	}
	if changed.Now != before.Root {
		return since, changed
	}
	if since.Proof, err = tlog.ProveTree(now.Size, before.Size, reader); err != nil {
		return since, fmt.Errorf("the tiles of the newest head: %w", err)
	}
	return since, tlog.CheckTree(since.Proof, now.Size, now.Root, before.Size, before.Root)
}

// fetchedTiles reads tiles that are published.
type fetchedTiles struct {
	ctx   context.Context //nolint:containedctx // tlog's reader takes none
	fetch Fetch
}

var _ tlog.TileReader = (*fetchedTiles)(nil)

// Height is the height of the tiles.
func (f *fetchedTiles) Height() int { return tileHeight }

// ReadTiles fetches the tiles. A mirror may have kept only the full one of a partial tile (C2SP tlog-tiles, Partial Tiles).
func (f *fetchedTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		tile := Tile{Level: t.L, Number: t.N, Width: t.W}
		got, err := f.fetch(f.ctx, tile.Path())
		if err != nil && t.W < tileWidth {
			tile.Width = tileWidth
			if full, fullErr := f.fetch(f.ctx, tile.Path()); fullErr == nil {
				got, err = full, nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("fetch %s: %w", tile.Path(), err)
		}
		if len(got) != tile.Width*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(got))
		}
		data[i] = got[:t.W*tlog.HashSize]
	}
	return data, nil
}

// SaveTiles keeps nothing.
func (f *fetchedTiles) SaveTiles([]tlog.Tile, [][]byte) {}

// CheckHeads holds every head that was ever signed against the tree as it is, and its signature against the keys. It answers how
// many there are. Errors: *HistoryError for the first that the tree contradicts, ErrCheckpoint for the first that is not signed.
func CheckHeads(ctx context.Context, log *eventstore.Log, tree *Tree, keys Keys) (int, error) {
	count := 0
	err := log.EachInStream(ctx, treehead.HeadsStream, 0, func(e eventstore.Envelope) error {
		signed, ok := e.Event.(treehead.Signed)
		if !ok {
			return nil
		}
		if _, err := OpenCheckpoint(signed.Checkpoint, keys); err != nil {
			return fmt.Errorf("the head at revision %d of %s: %w", e.Revision, e.Stream, err)
		}
		view := tree.View()
		if view.Size() < signed.Size {
			root, _ := tlog.ParseHash(signed.Root)
			return &HistoryError{Size: signed.Size, Signed: root, Have: view.Size()}
		}
		count++
		return checkHead(view, treehead.Head{Signed: signed})
	})
	return count, err
}
