package transparency

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
)

// signedAt are heads of a tree of these leaves, and what publishes the last one.
func signedAt(t rapid.TB, leaves []Leaf, signer note.Signer, sizes ...int) (checkpoints []string, publish Fetch) {
	tree := mustOpen(t, vfs.NewMem())

	if err := tree.Append(leaves[:sizes[len(sizes)-1]], 0); err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		view, err := tree.View().At(int64(size))
		if err != nil {
			t.Fatal(err)
		}
		text, err := signHead(Head{Origin: signer.Name(), Size: view.Size(), Root: view.Root()}, signer)
		if err != nil {
			t.Fatal(err)
		}
		checkpoints, publish = append(checkpoints, text), forgedPublisher(view, text)
	}
	return checkpoints, publish
}

func TestAnyOldHeadIsTheBeginningOfTheNewest(t *testing.T) {
	leaves := leavesUpTo(3000)
	signer, key := testKey(t, testOrigin, "a")
	keys := mustKeys(t, key)
	rapid.Check(t, func(rt *rapid.T) {
		now := drawSize(len(leaves)).Draw(rt, "size")
		before := drawSize(now).Draw(rt, "old size")
		heads, publish := signedAt(rt, leaves, signer, before, now)
		since, err := CheckSince(t.Context(), publish, heads[0], keys)
		if err != nil {
			rt.Fatal(err)
		}
		if since.Old.Size != int64(before) || since.New.Size != int64(now) {
			rt.Fatalf("%+v", since)
		}
		if before > 0 {
			if err := tlog.CheckTree(since.Proof, since.New.Size, since.New.Root, since.Old.Size, since.Old.Root); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func TestAHeadOfAnotherHistoryIsFoundOut(t *testing.T) {
	leaves := leavesUpTo(2000)
	signer, key := testKey(t, testOrigin, "a")
	keys := mustKeys(t, key)
	rapid.Check(t, func(rt *rapid.T) {
		now := max(1, drawSize(len(leaves)).Draw(rt, "size"))
		before := max(1, drawSize(now).Draw(rt, "old size"))
		heads, _ := signedAt(rt, leaves, signer, before)
		altered := append([]Leaf(nil), leaves...)
		altered[rapid.IntRange(0, before-1).Draw(rt, "altered")].Hash[0] ^= 1
		_, publish := signedAt(rt, altered, signer, now)
		var history *HistoryError
		if _, err := CheckSince(t.Context(), publish, heads[0], keys); !errors.As(err, &history) || history.Size != int64(before) || history.Have != int64(now) {
			rt.Fatalf("%v", err)
		}
		// And so is a log that lost its end.
		if now > 1 {
			heads, _ = signedAt(rt, leaves, signer, now)
			_, publish = signedAt(rt, leaves, signer, now-1)
			if _, err := CheckSince(t.Context(), publish, heads[0], keys); !errors.As(err, &history) || !strings.Contains(err.Error(), fmt.Sprintf("the log has %d", now-1)) {
				rt.Fatalf("%v", err)
			}
		}
	})
}

func TestNothingThatIsFetchedIsBelieved(t *testing.T) {
	leaves := leavesUpTo(1500)
	signer, key := testKey(t, testOrigin, "a")
	stranger, _ := testKey(t, testOrigin, "b")
	keys := mustKeys(t, key)
	heads, honest := signedAt(t, leaves, signer, 700, 1500)
	instead := func(path string, answer func([]byte) ([]byte, error)) Fetch {
		return func(ctx context.Context, at string) ([]byte, error) {
			data, err := honest(ctx, at)
			if at == path || path == "tile" && strings.HasPrefix(at, "tile/") {
				return answer(bytes.Clone(data))
			}
			return data, err
		}
	}
	gone := errors.New("gone")
	for name, publish := range map[string]Fetch{
		"no checkpoint":    instead("checkpoint", func([]byte) ([]byte, error) { return nil, gone }),
		"a stranger's":     instead("checkpoint", func([]byte) ([]byte, error) { h, _ := signedAt(t, leaves, stranger, 1500); return []byte(h[0]), nil }),
		"no tiles":         instead("tile", func([]byte) ([]byte, error) { return nil, gone }),
		"short tiles":      instead("tile", func(d []byte) ([]byte, error) { return d[:len(d)-1], nil }),
		"long tiles":       instead("tile", func(d []byte) ([]byte, error) { return append(d, 0), nil }),
		"altered tiles":    instead("tile", func(d []byte) ([]byte, error) { d[len(d)-1] ^= 1; return d, nil }),
		"an altered tile":  instead("tile/0/002", func(d []byte) ([]byte, error) { d[5] ^= 1; return d, nil }),
		"an altered level": instead("tile/1/000.p/5", func(d []byte) ([]byte, error) { d[5] ^= 1; return d, nil }),
	} {
		if since, err := CheckSince(t.Context(), publish, heads[0], keys); err == nil || errors.Is(err, ErrHistory) {
			t.Errorf("%s: %+v, %v", name, since, err)
		}
	}
	for name, old := range map[string]string{"nothing": "", "altered": strings.Replace(heads[0], "\n700\n", "\n701\n", 1)} {
		if _, err := CheckSince(t.Context(), honest, old, keys); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, otherKey := testKey(t, "other.example/kipay", "a")
	heads, _ = signedAt(t, leaves, other, 700)
	if _, err := CheckSince(t.Context(), honest, heads[0], mustKeys(t, key, otherKey)); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("a head of another log: %v", err)
	}
}

// mirror keeps what is published in memory, and checks it as a mirror does.
func mirror(t *testing.T, publish func(ctx context.Context, path string) (Resource, error), size int64) map[string][]byte {
	t.Helper()
	kept := map[string][]byte{}
	for _, tile := range NewTiles(0, size) {
		r, err := publish(t.Context(), tile.Path())
		if err != nil {
			t.Fatalf("%s: %v", tile.Path(), err)
		}
		if r.ContentType != "application/octet-stream" || !strings.Contains(r.CacheControl, "immutable") {
			t.Errorf("%s: %s, %s", tile.Path(), r.ContentType, r.CacheControl)
		}
		kept[tile.Path()] = r.Body
	}
	return kept
}

func fetchFrom(kept map[string][]byte) Fetch {
	return func(_ context.Context, path string) ([]byte, error) {
		if data, ok := kept[path]; ok {
			return data, nil
		}
		return nil, ErrNotFound
	}
}

func TestAnyoneCanMirrorTheLog(t *testing.T) {
	in := newInstall(t)
	in.busy(t, 400)
	in.append(t, "transaction-big", strings.Repeat("x", 70_000))
	head := in.head(t)
	in.busy(t, 3) // what is not signed yet is not published
	in.caughtUp(t)
	published := in.publisher()
	kept := mirror(t, published.Get, head.Size)
	var want []tlog.Hash
	for n := range (head.Size + 255) / 256 {
		tile := Tile{Level: -1, Number: n, Width: int(min(256, head.Size-256*n))}
		bundle := kept[tile.Path()]
		hashes := 0
		for len(bundle) > 0 {
			length := int(binary.BigEndian.Uint16(bundle))
			leaf := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			want = append(want, tlog.RecordHash(leaf))
			hashes++
		}
		if hashes != tile.Width {
			t.Errorf("%s has %d entries", tile.Path(), hashes)
		}
	}
	if naiveRoot(want).String() != head.Root {
		t.Error("the entries are not what was signed")
	}
	signed, err := headOf(head.Signed)
	if err != nil {
		t.Fatal(err)
	}
	// The mirror is enough to name what was changed.
	got, err := CompareLog(t.Context(), in.store, MirrorLeaves(signed, fetchFrom(kept)), nil)
	if err != nil || got.Difference != nil || got.Leaves != head.Size || got.Root.String() != head.Root {
		t.Errorf("%+v, %v", got, err)
	}
	// A mirror may drop partial tiles once there is the full one.
	in.busy(t, 200)
	full := in.head(t)
	for path, data := range mirror(t, published.Get, full.Size) {
		kept[path] = data
	}
	for path := range kept {
		if whole, _, partial := strings.Cut(path, ".p/"); partial && kept[whole] != nil {
			delete(kept, path)
		}
	}
	kept[checkpointPath] = []byte(full.Checkpoint)
	if _, err := CheckSince(t.Context(), fetchFrom(kept), head.Checkpoint, mustKeys(t, in.keys(t)...)); err != nil {
		t.Error(err)
	}
	old, err := headOf(full.Signed)
	if err != nil {
		t.Fatal(err)
	}
	old.Size, old.Root = signed.Size, signed.Root
	if _, err := MirrorLeaves(old, fetchFrom(kept)).LeafHashes(t.Context(), old.Size-1, 1); err != nil {
		t.Errorf("from the full tile: %v", err)
	}
}

func TestWhatIsNotSignedOrNotForEveryoneIsNotPublished(t *testing.T) {
	in := newInstall(t)
	published := in.publisher()
	if _, err := published.Get(t.Context(), "checkpoint"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a checkpoint before the first: %v", err)
	}
	in.busy(t, 20)
	head := in.head(t)
	in.busy(t, 300)
	in.caughtUp(t)
	for _, path := range []string{
		"", "/checkpoint", "checkpoint/", "tile/0/000", "tile/0/000.p/41", "tile/1/000.p/1", "tile/0/001.p/1", "tile/entries/000", "tile/8/0/000", "tile/7/000.p/1", "../state", "state",
	} {
		if r, err := published.Get(t.Context(), path); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %d bytes, %v", path, len(r.Body), err)
		}
	}
	for _, path := range []string{"tile/0/000.p/40", "tile/0/000.p/1", "tile/entries/000.p/40", "tile/entries/000.p/7"} {
		if _, err := published.Get(t.Context(), path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if head.Size != 40 {
		t.Errorf("%d leaves", head.Size)
	}
	public := NewPublisher(PublisherOptions{Store: in.store, Tree: in.tree, Heads: in.heads})
	if _, err := public.Get(t.Context(), "tile/entries/000.p/40"); !errors.Is(err, ErrNotFound) {
		t.Errorf("entries for everyone: %v", err)
	}
	r, err := public.Get(t.Context(), "checkpoint")
	if err != nil || string(r.Body) != head.Checkpoint || r.ContentType != "text/plain; charset=utf-8" || strings.Contains(r.CacheControl, "immutable") {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = public.Get(t.Context(), "keys")
	var keys struct {
		Origin string `json:"origin"`
		Keys   []struct {
			Number      int    `json:"number"`
			VerifierKey string `json:"verifier_key"`
			Signs       bool   `json:"signs"`
		} `json:"keys"`
	}
	if err != nil || json.Unmarshal(r.Body, &keys) != nil || keys.Origin != testOrigin || len(keys.Keys) != 1 || !keys.Keys[0].Signs || keys.Keys[0].VerifierKey != in.keys(t)[0] {
		t.Errorf("%s, %v", r.Body, err)
	}
}

func TestTheFirstChangedLeafIsNamed(t *testing.T) {
	in := newInstall(t)
	in.busy(t, 300)
	in.caughtUp(t)
	calls := 0
	same, err := CompareLog(t.Context(), in.store, in.tree.View(), func(done, total int64) {
		if calls++; total != 600 || done > total {
			t.Errorf("%d of %d", done, total)
		}
	})
	if err != nil || same.Difference != nil || same.Leaves != 600 || same.Root != in.tree.View().Root() || calls == 0 {
		t.Errorf("%+v, %v", same, err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 599).Draw(rt, "leaf")
		got, err := CompareLog(t.Context(), &alteredStore{Store: in.store, leaf: n}, in.tree.View(), nil)
		if err != nil || got.Difference == nil {
			rt.Fatalf("%+v, %v", got, err)
		}
		d := got.Difference
		want := &Difference{
			Leaf: int64(n), Stream: fmt.Sprintf("transaction-%d", n/2), Revision: eventstore.Revision(n % 2), ID: d.ID, Type: "PaymentCompleted", Position: d.Position, Was: d.Was, Now: d.Now,
		}
		if diff := cmp.Diff(want, d); diff != "" || got.Leaves != int64(n) || d.Was == d.Now {
			rt.Fatalf("%s", diff)
		}
		if !strings.Contains(d.String(), fmt.Sprintf("leaf %d: PaymentCompleted of transaction-%d at revision %d", n, n/2, n%2)) {
			rt.Fatal(d)
		}
	})
	shorter := newInstall(t)
	shorter.busy(t, 0)
	got, err := CompareLog(t.Context(), shorter.store, in.tree.View(), nil)
	if err != nil || got.Difference == nil || got.Difference.Leaf != 0 || got.Difference.String() != "leaf 0: the log ends before it" {
		t.Errorf("%+v, %v", got, err)
	}
}

// alteredStore reads one leaf's event with another amount.
type alteredStore struct {
	eventstore.Store
	leaf int
	seen int
}

func (s *alteredStore) ReadAll(ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int) ([]eventstore.Record, error) {
	records, err := s.Store.ReadAll(ctx, from, dir, limit)
	for i := range records {
		if LeftOut(records[i].Stream) {
			continue
		}
		if s.seen == s.leaf {
			records[i].Data = []byte(`{"amount":999}`)
		}
		s.seen++
	}
	return records, err
}
