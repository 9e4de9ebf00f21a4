package transparency

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTilesHaveTheirPaths(t *testing.T) {
	for path, want := range map[string]Tile{
		"tile/0/000":                     {0, 0, 256},
		"tile/0/x001/x234/067":           {0, 1234067, 256},
		"tile/3/999.p/1":                 {3, 999, 1},
		"tile/63/x001/000.p/255":         {63, 1000, 255},
		"tile/entries/000":               {-1, 0, 256},
		"tile/entries/x001/x234/067.p/9": {-1, 1234067, 9},
	} {
		got, err := ParseTilePath(path)
		if err != nil || got != want {
			t.Errorf("%s is %v, %v", path, got, err)
		}
		if want.Path() != path {
			t.Errorf("%v has path %s", want, want.Path())
		}
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/-1/000", "tile/64/000", "tile/data/000",
		"tile/8/0/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/-1", "tile/0/001/000", "tile/0/x000/000",
		"tile/0/x001/x234/67", "/tile/0/000", "tile/0/000/", "tile/entries/", "tile/entries/000.p/256", "tile/+0/000", "tile/0/X001/000",
		"tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
	} {
		if got, err := ParseTilePath(path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q is %v, %v", path, got, err)
		}
	}
}

func FuzzParseTilePath(f *testing.F) {
	for _, seed := range []string{"tile/0/000", "tile/0/x001/x234/067.p/7", "tile/entries/x001/000", "tile/63/999.p/255", "tile/data/000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := ParseTilePath(path)
		if err != nil {
			if !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
			return
		}
		if tile.Path() != path {
			t.Fatalf("%q is read as %q", path, tile.Path())
		}
		if tile.in(0) {
			t.Fatal("a tile in an empty tree")
		}
	})
}

// The example of C2SP tlog-tiles, Partial Tiles.
func TestATreeOf70000HasTheseTiles(t *testing.T) {
	count := map[Tile]int{}
	full := map[int]int{}
	for _, tile := range NewTiles(0, 70_000) {
		if tile.Width == 256 {
			full[tile.Level]++
		} else {
			count[tile]++
		}
		if !tile.in(70_000) {
			t.Errorf("%v is not in it", tile)
		}
	}
	if diff := cmp.Diff(map[int]int{-1: 273, 0: 273, 1: 1}, full); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[Tile]int{{-1, 273, 112}: 1, {0, 273, 112}: 1, {1, 1, 17}: 1, {2, 0, 1}: 1}, count); diff != "" {
		t.Error(diff)
	}
	for _, tile := range []Tile{{0, 273, 113}, {0, 274, 1}, {1, 1, 18}, {1, 0, 257}, {2, 0, 2}, {2, 1, 1}, {3, 0, 1}, {7, 0, 1}, {0, -1, 1}, {0, 0, 0}} {
		if tile.in(70_000) {
			t.Errorf("%v is in it", tile)
		}
	}
}
