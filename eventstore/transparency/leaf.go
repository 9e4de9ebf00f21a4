package transparency

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/benfex/kipay/eventstore"
)

const (
	// leafVersion begins every leaf. Another encoding is another version, and another tree.
	leafVersion = 1
	// maxLeafBytes bounds a leaf: bundles of entries give its length in two bytes (C2SP tlog-tiles, Log entries).
	maxLeafBytes = 1<<16 - 1
	// leafFixedBytes are version, revision and id.
	leafFixedBytes = 1 + 8 + 16
	// partHeadBytes are form and length of a part.
	partHeadBytes = 1 + 4
)

// The forms in which a part of an event stands in its leaf.
const (
	partInline byte = 0 // the bytes
	partDigest byte = 1 // their SHA-256, where the leaf would be too long
)

// leftOut are the categories of streams whose events are no leaves, in order: what stays behind in an export (leases, and
// reactors' checkpoints), keys that are destroyed later, and the heads themselves, which would ask for another head each.
// This never changes: the tree would be another one, and no old head would fit it.
func leftOut() []string { return []string{"lease", "reactor", "subjectkey", "transparency"} }

// LeftOut tells that events of the stream are no leaves. A stream's category is its name up to the first dash.
func LeftOut(stream string) bool {
	category, _, dashed := strings.Cut(stream, "-")
	return dashed && slices.Contains(leftOut(), category)
}

// AppendLeaf appends the canonical bytes of an event: version, stream, revision, id, type, data and metadata; not what the
// store says of itself, position and time. docs/receipt-format.md describes them.
func AppendLeaf(dst []byte, r *eventstore.Record) []byte {
	const stream, kind, data, metadata = 0, 1, 2, 3
	sizes := [...]int{len(r.Stream), len(r.Type), len(r.Data), len(r.Metadata)}
	var forms [len(sizes)]byte
	total := leafFixedBytes
	for _, size := range sizes {
		total += partHeadBytes + size
	}
	for _, part := range [...]int{data, metadata, kind, stream} {
		if total > maxLeafBytes && sizes[part] > sha256.Size {
			forms[part] = partDigest
			total += sha256.Size - sizes[part]
		}
	}
	dst = slices.Grow(dst, total)
	dst = append(dst, leafVersion)
	dst = appendPart(dst, forms[stream], r.Stream)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Revision))
	dst = append(dst, r.ID[:]...)
	dst = appendPart(dst, forms[kind], r.Type)
	dst = appendPart(dst, forms[data], r.Data)
	return appendPart(dst, forms[metadata], r.Metadata)
}

func appendPart[T string | []byte](dst []byte, form byte, value T) []byte {
	dst = append(dst, form)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	if form == partDigest {
		sum := sha256.Sum256([]byte(value))
		return append(dst, sum[:]...)
	}
	return append(dst, value...)
}

// LeafHash is the hash of an event's leaf (RFC 6962, 2.1).
func LeafHash(r *eventstore.Record) tlog.Hash {
	hash, _ := hashLeaf(nil, r)
	return hash
}

// hashLeaf is LeafHash with memory to use, which it answers for the next time. It is what tlog.RecordHash does, without garbage.
func hashLeaf(scratch []byte, r *eventstore.Record) (tlog.Hash, []byte) {
	const leafPrefix = 0 // as against 1 of an inner node
	scratch = AppendLeaf(append(scratch[:0], leafPrefix), r)
	return sha256.Sum256(scratch), scratch
}
