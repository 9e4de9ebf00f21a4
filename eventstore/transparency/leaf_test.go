package transparency

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transfer"
)

func TestLeafIsTheBytesOfItsVersionForEver(t *testing.T) {
	r := eventstore.Record{
		Position: 99, Stream: "transaction-KIPAY1", Revision: 2, ID: uuid.MustParse("01950000-0000-7000-8000-000000000007"), Type: "Paid",
		Data: []byte(`{"a":1}`), Metadata: []byte(`{}`), RecordedAt: time.Now(),
	}
	const want = "01" +
		"00" + "00000012" + "7472616e73616374696f6e2d4b4950415931" +
		"0000000000000002" +
		"01950000000070008000000000000007" +
		"00" + "00000004" + "50616964" +
		"00" + "00000007" + "7b2261223a317d" +
		"00" + "00000002" + "7b7d"
	if got := hex.EncodeToString(AppendLeaf(nil, &r)); got != want {
		t.Errorf("leaf is\n%s, want\n%s", got, want)
	}
	if got, want := LeafHash(&r).String(), "0rFvadX9Qp3VZ+x5ZYe6V3VhMAAGaBiMeVe1au/I1Wc="; got != want {
		t.Errorf("its hash is %s, want %s", got, want)
	}
}

// part is a part of a leaf as it is read.
type part struct {
	form byte
	size int
	data string
}

// readLeaf reads a leaf by the book. It fails on anything that a leaf can't be.
func readLeaf(t *rapid.T, leaf []byte) (parts map[string]part, revision uint64, id uuid.UUID) {
	parts = make(map[string]part)
	take := func(n int) []byte {
		if len(leaf) < n {
			t.Fatalf("the leaf ends early")
		}
		got := leaf[:n]
		leaf = leaf[n:]
		return got
	}
	if v := take(1)[0]; v != 1 {
		t.Fatalf("version %d", v)
	}
	read := func(name string) {
		p := part{form: take(1)[0], size: int(binary.BigEndian.Uint32(take(4)))}
		if p.form == 1 {
			p.data = string(take(sha256.Size))
		} else {
			p.data = string(take(p.size))
		}
		parts[name] = p
	}
	read("stream")
	revision = binary.BigEndian.Uint64(take(8))
	id = uuid.UUID(take(16))
	read("type")
	read("data")
	read("metadata")
	if len(leaf) > 0 {
		t.Fatalf("%d bytes follow the leaf", len(leaf))
	}
	return parts, revision, id
}

func drawRecord(t *rapid.T) eventstore.Record {
	size := rapid.SampledFrom([]int{0, 1, 31, 32, 33, 500, 40_000, 65_400, 65_535, 900_000})
	blob := func(name string) []byte {
		return bytes.Repeat([]byte{rapid.Byte().Draw(t, name)}, size.Draw(t, name+" size"))
	}
	return eventstore.Record{
		Stream: string(blob("stream")), Type: string(blob("type")), Data: blob("data"), Metadata: blob("metadata"),
		Revision: eventstore.Revision(rapid.Int64Range(0, 1<<62).Draw(t, "revision")),
		ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
	}
}

func TestEveryEventHasOneLeafThatFitsIntoABundle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		leaf := AppendLeaf(nil, &r)
		if len(leaf) > 65535 {
			t.Fatalf("a leaf of %d bytes", len(leaf))
		}
		if hash, _ := hashLeaf([]byte("left over"), &r); hash != tlog.RecordHash(leaf) || hash != LeafHash(&r) {
			t.Fatalf("hashes differ")
		}
		parts, revision, id := readLeaf(t, leaf)
		if revision != uint64(r.Revision) || id != r.ID {
			t.Fatalf("revision %d, id %s", revision, id)
		}
		// The rule in other words: as few digests as it takes, data first.
		total := 1 + 8 + 16 + 4*5 + len(r.Stream) + len(r.Type) + len(r.Data) + len(r.Metadata)
		want := map[string]part{}
		for _, p := range []struct{ name, value string }{{"data", string(r.Data)}, {"metadata", string(r.Metadata)}, {"type", r.Type}, {"stream", r.Stream}} {
			want[p.name] = part{0, len(p.value), p.value}
			if total > 65535 && len(p.value) > 32 {
				sum := sha256.Sum256([]byte(p.value))
				want[p.name] = part{1, len(p.value), string(sum[:])}
				total -= len(p.value) - 32
			}
		}
		if diff := cmp.Diff(want, parts, cmp.AllowUnexported(part{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAnAlteredEventHasAnotherLeaf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawRecord(t)
		b := a
		b.Data, b.Metadata = slices.Clone(a.Data), slices.Clone(a.Metadata)
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			b.Stream += "x"
		case 1:
			b.Type += "x"
		case 2:
			b.Revision++
		case 3:
			b.ID[rapid.IntRange(0, 15).Draw(t, "byte")] ^= 1
		case 4:
			b.Data = append(b.Data, 'x')
		case 5:
			b.Metadata = append(b.Metadata, 'x')
		}
		if LeafHash(&a) == LeafHash(&b) {
			t.Fatal("the same leaf")
		}
		// What is not the event's own is not in the leaf.
		c := a
		c.Position, c.RecordedAt = 77, start
		if LeafHash(&a) != LeafHash(&c) {
			t.Fatal("another leaf")
		}
	})
}

// An import has none of what an export leaves out: were it in the tree, heads would not fit any more.
func TestTheTreeLeavesOutWhatAnExportDoes(t *testing.T) {
	in := newInstall(t)
	in.append(t, "transaction-A", "{}")
	for _, category := range exportLeavesOut(t, in) {
		if !LeftOut(category + "-x") {
			t.Errorf("%s-x does not travel, and is a leaf", category)
		}
	}
	for stream, want := range map[string]bool{
		"lease-projector": true, "reactor-watch": true, "subjectkey-customer-1": true, "transparency-heads": true, "transparency-keys": true,
		"transaction-KIPAY1": false, "lease": false, "leases-x": false, "receipt-mpesa-X": false, "": false, "-": false,
	} {
		if LeftOut(stream) != want {
			t.Errorf("LeftOut(%q) is %t", stream, !want)
		}
		if transfer.LeftOut(stream) && !want {
			t.Errorf("%q does not travel, and is a leaf", stream)
		}
	}
	if transfer.LeftOut("transparency-heads") {
		t.Error("heads do not travel")
	}
}

// exportLeavesOut is what the first line of an export names.
func exportLeavesOut(t *testing.T, in *install) []string {
	t.Helper()
	var file bytes.Buffer
	if _, err := transfer.Export(t.Context(), in.store, &file, transfer.ExportOptions{ID: uuid.New(), Created: start, Master: masterKeys(t), Random: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	decoder, err := zstd.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	unzipped, err := io.ReadAll(decoder)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(unzipped), "\n")
	var header struct {
		LeftOut []string `json:"left_out"`
	}
	if err := json.Unmarshal([]byte(line), &header); err != nil || len(header.LeftOut) == 0 {
		t.Fatalf("the header is %q: %v", line, err)
	}
	return header.LeftOut
}
