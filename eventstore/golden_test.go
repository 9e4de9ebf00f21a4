package eventstore

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var update = flag.Bool("update", false, "write the golden files of event types and versions that have changed")

// goldenFile is the wire form of one version of an event type. It is there for ever: a log somewhere is full of it.
type goldenFile struct {
	ID       uuid.UUID       `json:"id"`
	Type     string          `json:"type"`
	Data     json.RawMessage `json:"data"`
	Metadata json.RawMessage `json:"metadata"`
}

const goldenFolder = "testdata/events"

func goldenPath(name string, version int) string {
	return filepath.Join(goldenFolder, fmt.Sprintf("%s.v%d.json", name, version))
}

func compact(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryEventTypeKeepsItsWireForm(t *testing.T) {
	for _, typ := range Catalogue() {
		t.Run(typ.Name(), func(t *testing.T) {
			event := goldenSample(typ.Prototype)
			got := encoded(t, NewCodec(goldenRing(t), Catalogue()), goldenID, event)
			path := goldenPath(typ.Name(), typ.Version)
			if *update {
				text, err := json.MarshalIndent(goldenFile{ID: got.ID, Type: got.Type, Data: got.Data, Metadata: got.Metadata}, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want := readGolden(t, path)
			if want.Type != got.Type || want.ID != got.ID {
				t.Errorf("%s is of %s %s", path, want.Type, want.ID)
			}
			const hint = "a changed wire form is a new version with an upcaster"
			if diff := cmp.Diff(string(compact(t, want.Data)), string(got.Data)); diff != "" {
				t.Errorf("data (%s):\n%s", hint, diff)
			}
			if diff := cmp.Diff(string(compact(t, want.Metadata)), string(got.Metadata)); diff != "" {
				t.Errorf("metadata (%s):\n%s", hint, diff)
			}
		})
	}
}

func readGolden(t *testing.T, path string) goldenFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with go test ./eventstore -run WireForm -update, and say why", err)
	}
	var g goldenFile
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return g
}

func TestEveryVersionEverWrittenIsStillRead(t *testing.T) {
	for _, typ := range Catalogue() {
		for version := 1; version <= typ.Version; version++ {
			t.Run(fmt.Sprintf("%s.v%d", typ.Name(), version), func(t *testing.T) {
				ctx := context.Background()
				g := readGolden(t, goldenPath(typ.Name(), version))
				var meta Metadata
				if err := json.Unmarshal(g.Metadata, &meta); err != nil {
					t.Fatal(err)
				}
				ring := goldenRing(t)
				if meta.Subject != "" {
					if _, err := ring.sealing(ctx, meta.Subject); err != nil {
						t.Fatal(err)
					}
				}
				env, err := NewCodec(ring, Catalogue()).Decode(ctx, Record{ID: g.ID, Type: g.Type, Data: g.Data, Metadata: g.Metadata})
				if err != nil {
					t.Fatal(err)
				}
				if env.Erased || env.Meta.Version != version {
					t.Errorf("erased %v, version %d", env.Erased, env.Meta.Version)
				}
				if version < typ.Version {
					return // what an upcaster makes of it has a test of its own
				}
				if diff := cmp.Diff(goldenSample(typ.Prototype), env.Event); diff != "" {
					t.Errorf("decoded (-want +got):\n%s", diff)
				}
				want := goldenMeta
				want.Version, want.Subject, want.Key = version, meta.Subject, meta.Key
				if meta.Subject == "" {
					want.From = ""
				}
				if diff := cmp.Diff(want, env.Meta); diff != "" {
					t.Errorf("metadata (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestEveryGoldenFileBelongsToATypeAndVersion(t *testing.T) {
	known := map[string]bool{}
	for _, typ := range Catalogue() {
		for version := 1; version <= typ.Version; version++ {
			known[goldenPath(typ.Name(), version)] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(goldenFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[filepath.ToSlash(f)] {
			t.Errorf("%s belongs to no event type: types are never dropped from the catalogue", f)
		}
		delete(known, filepath.ToSlash(f))
	}
	for f := range known {
		t.Errorf("%s is missing", f)
	}
}
