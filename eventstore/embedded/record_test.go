package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/eventstore"
)

func encoded(rec eventstore.Record) []byte {
	e := eventstore.NewEvent{ID: rec.ID, Type: rec.Type, Data: rec.Data, Metadata: rec.Metadata}
	raw := make([]byte, recordBytes(rec.Stream, &e))
	encodeRecord(raw, rec.Stream, &e)
	sealRecord(raw, rec.Position, rec.Revision, rec.RecordedAt)
	return raw
}

func TestRecordsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rec := eventstore.Record{
			Position: eventstore.Position(rapid.Uint64().Draw(rt, "position")),
			Revision: eventstore.Revision(rapid.Int64Min(0).Draw(rt, "revision")),
			ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "id")),
			Stream:   rapid.StringN(1, 200, 512).Draw(rt, "stream"), Type: rapid.StringN(1, 40, 200).Draw(rt, "type"),
			Data: rapid.SliceOf(rapid.Byte()).Draw(rt, "data"), Metadata: rapid.SliceOf(rapid.Byte()).Draw(rt, "metadata"),
			RecordedAt: time.Unix(0, rapid.Int64().Draw(rt, "at")).UTC(),
		}
		raw := encoded(rec)
		got, err := decodeRecord(raw)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(rec, got); diff != "" {
			rt.Fatal(diff)
		}
		at := rapid.IntRange(0, len(raw)-1).Draw(rt, "at")
		raw[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if _, err := decodeRecord(raw); !errors.Is(err, eventstore.ErrCorrupt) {
			rt.Fatalf("a bit at %d: %v", at, err)
		}
	})
}

// resum makes the checksum right.
func resum(raw []byte) {
	sum := crc32.Update(crc32.Checksum(raw[offLengths:], castagnoli), castagnoli, raw[:offSum])
	binary.BigEndian.PutUint32(raw[offSum:], sum)
}

// TestRecordFormat pins what is on disk, byte by byte.
func TestRecordFormat(t *testing.T) {
	rec := eventstore.Record{
		Position: 0x0102, Revision: 3, ID: uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff"), Stream: "order-1",
		Type: "Paid", Data: []byte(`{"a":1}`), Metadata: []byte(`{}`), RecordedAt: time.Unix(1, 5).UTC(),
	}
	raw := encoded(rec)
	want := "\x01" + "\x00\x00\x00\x00\x00\x00\x01\x02" + "\x00\x00\x00\x00\x00\x00\x00\x03" +
		"\x00\x00\x00\x00\x3b\x9a\xca\x05" + "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff" +
		string(raw[offSum:offLengths]) + "\x07\x04\x07\x02" + "order-1" + "Paid" + `{"a":1}` + "{}"
	if !bytes.Equal(raw, []byte(want)) {
		t.Fatalf("the format of records changed:\n%q\n%q", raw, want)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	good := encoded(eventstore.Record{Position: 1, ID: uuid.New(), Stream: "order-1", Type: "Paid", Data: []byte("{}")})
	f.Add(good)
	f.Add(good[:offLengths])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		rec, err := decodeRecord(raw)
		if err != nil {
			if !errors.Is(err, eventstore.ErrCorrupt) {
				t.Fatalf("%v is not a corruption", err)
			}
			return
		}
		again, err := decodeRecord(encoded(rec))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rec, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzRecordBody fuzzes what lies behind the checksum, which would stop the fuzzer.
func FuzzRecordBody(f *testing.F) {
	good := encoded(eventstore.Record{Position: 1, ID: uuid.New(), Stream: "order-1", Type: "Paid", Data: []byte("{}")})
	f.Add(good[offLengths:])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, body []byte) {
		raw := append(make([]byte, offLengths), body...)
		raw[0] = recordVersion
		resum(raw)
		if _, err := decodeRecord(raw); err != nil && !errors.Is(err, eventstore.ErrCorrupt) {
			t.Fatalf("%v is not a corruption", err)
		}
	})
}
