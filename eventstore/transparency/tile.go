package transparency

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// entriesLevel is the level of bundles of entries, which have the paths of tiles.
const entriesLevel = -1

// maxTileLevel is the highest level that a path can name (C2SP tlog-tiles, Merkle Tree).
const maxTileLevel = 63

// Tile names a tile of hashes, or a bundle of entries.
type Tile struct {
	// Level is the tile's level; -1 for a bundle of entries.
	Level int
	// Number is the tile's number in its level.
	Number int64
	// Width is how many hashes or entries it has, at most 256.
	Width int
}

// IsEntries tells that it is a bundle of entries.
func (t Tile) IsEntries() bool { return t.Level == entriesLevel }

// Path is where the tile is published: tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>] (C2SP tlog-tiles).
func (t Tile) Path() string {
	rest := strings.TrimPrefix((tlog.Tile{H: tileHeight, L: t.Level, N: t.Number, W: t.Width}).Path(), "tile/8/")
	if t.IsEntries() {
		rest = "entries/" + strings.TrimPrefix(rest, "data/")
	}
	return "tile/" + rest
}

// ParseTilePath reads a path. Only the one form that Path writes is taken. Errors: ErrNotFound.
func ParseTilePath(path string) (Tile, error) {
	bad := fmt.Errorf("%w: no tile is called so", ErrNotFound)
	level, rest, ok := strings.Cut(strings.TrimPrefix(path, "tile/"), "/")
	if !ok || len(path) > maxTilePathBytes {
		return Tile{}, bad
	}
	if level == "entries" {
		level = "data"
	}
	parsed, err := tlog.ParseTilePath("tile/" + strconv.Itoa(tileHeight) + "/" + level + "/" + rest)
	if err != nil || parsed.L > maxTileLevel || parsed.N > maxTreeSize {
		return Tile{}, bad
	}
	t := Tile{Level: parsed.L, Number: parsed.N, Width: parsed.W}
	if t.Path() != path {
		return Tile{}, bad
	}
	return t, nil
}

// maxTilePathBytes is longer than any path of a tile.
const maxTilePathBytes = 64

// in tells that a tree of that size has the tile, as wide or wider.
func (t Tile) in(size int64) bool {
	level := max(t.Level, 0)
	if level >= treeLevels || t.Number < 0 || t.Width < 1 || t.Width > tileWidth || t.Number > maxTreeSize/tileWidth {
		return false
	}
	return t.Number*tileWidth+int64(t.Width) <= size>>(tileHeight*level)
}

// NewTiles are the tiles and bundles that a tree of the new size has, and one of the old size had not, or not as wide: what a
// mirror fetches.
func NewTiles(oldSize, newSize int64) []Tile {
	var tiles []Tile
	for _, t := range tlog.NewTiles(tileHeight, oldSize, newSize) {
		tiles = append(tiles, Tile{Level: t.L, Number: t.N, Width: t.W})
		if t.L == 0 {
			tiles = append(tiles, Tile{Level: entriesLevel, Number: t.N, Width: t.W})
		}
	}
	return tiles
}
