package embedded

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// A record on disk, integers big-endian, lengths as uvarints:
//
//	version 1 | position 8 | revision 8 | recorded at, ns since 1970 8 | id 16 | CRC-32C 4 |
//	lengths of stream, type, data, metadata | stream | type | data | metadata
//
// The checksum covers the lengths and what follows first, then the header before it: the caller's goroutine sums the
// long part, the committer only adds the header that it fills in.
const (
	recordVersion = 1

	offPosition = 1
	offRevision = offPosition + 8
	offRecorded = offRevision + 8
	offID       = offRecorded + 8
	offSum      = offID + 16
	offLengths  = offSum + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// recordBytes is the size of the event's record.
func recordBytes(stream string, e *eventstore.NewEvent) int {
	return offLengths + uvarintBytes(len(stream)) + uvarintBytes(len(e.Type)) + uvarintBytes(len(e.Data)) +
		uvarintBytes(len(e.Metadata)) + len(stream) + len(e.Type) + len(e.Data) + len(e.Metadata)
}

func uvarintBytes(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// encodeRecord writes the event into dst, which is recordBytes long, leaves position, revision and time to
// sealRecord, and returns where data and metadata lie in it.
func encodeRecord(dst []byte, stream string, e *eventstore.NewEvent) (data, metadata []byte) {
	dst[0] = recordVersion
	copy(dst[offID:], e.ID[:])
	n := offLengths
	for _, length := range [...]int{len(stream), len(e.Type), len(e.Data), len(e.Metadata)} {
		n += binary.PutUvarint(dst[n:], uint64(length))
	}
	n += copy(dst[n:], stream)
	n += copy(dst[n:], e.Type)
	data = dst[n : n+len(e.Data) : n+len(e.Data)]
	n += copy(data, e.Data)
	metadata = dst[n : n+len(e.Metadata) : n+len(e.Metadata)]
	copy(metadata, e.Metadata)
	binary.BigEndian.PutUint32(dst[offSum:], crc32.Checksum(dst[offLengths:], castagnoli))
	return data, metadata
}

// sealRecord fills in what the committer decides and completes the checksum. It is called once per record.
func sealRecord(rec []byte, pos eventstore.Position, rev eventstore.Revision, recordedAt time.Time) {
	binary.BigEndian.PutUint64(rec[offPosition:], uint64(pos))
	binary.BigEndian.PutUint64(rec[offRevision:], uint64(rev))
	binary.BigEndian.PutUint64(rec[offRecorded:], uint64(recordedAt.UnixNano()))
	sum := crc32.Update(binary.BigEndian.Uint32(rec[offSum:]), castagnoli, rec[:offSum])
	binary.BigEndian.PutUint32(rec[offSum:], sum)
}

// decodeRecord reads a record; data and metadata of the result alias raw. ErrCorrupt says what doesn't fit.
func decodeRecord(raw []byte) (eventstore.Record, error) {
	var rec eventstore.Record
	if len(raw) < offLengths {
		return rec, fmt.Errorf("%w: a record of %d bytes is too short", eventstore.ErrCorrupt, len(raw))
	}
	if raw[0] != recordVersion {
		return rec, fmt.Errorf("%w: record version %d, want %d", eventstore.ErrCorrupt, raw[0], recordVersion)
	}
	sum := crc32.Update(crc32.Checksum(raw[offLengths:], castagnoli), castagnoli, raw[:offSum])
	if want := binary.BigEndian.Uint32(raw[offSum:]); sum != want {
		return rec, fmt.Errorf("%w: record checksum %08x, want %08x", eventstore.ErrCorrupt, sum, want)
	}
	rec.Position = eventstore.Position(binary.BigEndian.Uint64(raw[offPosition:]))
	rec.Revision = eventstore.Revision(binary.BigEndian.Uint64(raw[offRevision:]))
	rec.RecordedAt = time.Unix(0, int64(binary.BigEndian.Uint64(raw[offRecorded:]))).UTC()
	copy(rec.ID[:], raw[offID:])

	rest, total := raw[offLengths:], uint64(0)
	var lengths [4]uint64
	for i := range lengths {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(raw)) {
			return rec, fmt.Errorf("%w: a record's length %d doesn't fit", eventstore.ErrCorrupt, i)
		}
		lengths[i], rest, total = length, rest[n:], total+length
	}
	if total != uint64(len(rest)) {
		return rec, fmt.Errorf("%w: a record's parts are %d bytes, %d are there", eventstore.ErrCorrupt, total, len(rest))
	}
	next := func(length uint64) []byte {
		part := rest[:length:length]
		rest = rest[length:]
		return part
	}
	rec.Stream, rec.Type = string(next(lengths[0])), string(next(lengths[1]))
	rec.Data, rec.Metadata = next(lengths[2]), next(lengths[3])
	return rec, nil
}

// sizeInMemory is what a record counts for in bounds on memory.
func sizeInMemory(rec *eventstore.Record) int {
	const fixed = 160 // the struct itself and its share of allocation
	return fixed + len(rec.Stream) + len(rec.Type) + len(rec.Data) + len(rec.Metadata)
}
