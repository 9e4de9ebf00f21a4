package embedded

import (
	"encoding/binary"

	"github.com/benfex/kipay/eventstore"
)

// The keyspaces, by a key's first byte.
const (
	logSpace     byte = 'l'
	streamSpace  byte = 's'
	keySpace     byte = 'k'
	erasureSpace byte = 'e'
	metaSpace    byte = 'm'
)

const (
	logKeyBytes = 1 + 8
	// streamKeyOverhead is what a stream's index key has beside the name: keyspace, separator, revision.
	streamKeyOverhead = 1 + 1 + 8
	// maxStreamKeyBytes is room for any stream's index key.
	maxStreamKeyBytes = eventstore.MaxStreamNameBytes + streamKeyOverhead
)

// putLogKey writes the key of the record at pos into dst, which is logKeyBytes long.
func putLogKey(dst []byte, pos eventstore.Position) {
	dst[0] = logSpace
	binary.BigEndian.PutUint64(dst[1:], uint64(pos))
}

func logKey(pos eventstore.Position) []byte {
	key := make([]byte, logKeyBytes)
	putLogKey(key, pos)
	return key
}

// positionOf is the position in a key of the log.
func positionOf(key []byte) (eventstore.Position, bool) {
	if len(key) != logKeyBytes || key[0] != logSpace {
		return 0, false
	}
	return eventstore.Position(binary.BigEndian.Uint64(key[1:])), true
}

// appendStreamKey appends the index key of one event. The name holds no NUL (limits.go), so that the separator keeps
// the streams' ranges apart and in one piece.
func appendStreamKey(dst []byte, stream string, rev eventstore.Revision) []byte {
	dst = append(dst, streamSpace)
	dst = append(dst, stream...)
	dst = append(dst, 0)
	return binary.BigEndian.AppendUint64(dst, uint64(rev))
}

// appendStreamEnd appends the key just after the last possible one of the stream.
func appendStreamEnd(dst []byte, stream string) []byte {
	dst = append(dst, streamSpace)
	dst = append(dst, stream...)
	return append(dst, 1)
}

// splitStreamKey is the name and revision in an index key. The name aliases key.
func splitStreamKey(key []byte) (stream []byte, rev eventstore.Revision, ok bool) {
	if len(key) <= streamKeyOverhead || key[0] != streamSpace || key[len(key)-9] != 0 {
		return nil, 0, false
	}
	rev = eventstore.Revision(binary.BigEndian.Uint64(key[len(key)-8:]))
	return key[1 : len(key)-9], rev, rev >= 0
}

// positionIn is the position an index entry points to.
func positionIn(value []byte) (eventstore.Position, bool) {
	if len(value) != 8 {
		return 0, false
	}
	return eventstore.Position(binary.BigEndian.Uint64(value)), true
}

func keyKey(name string) []byte { return append([]byte{keySpace}, name...) }

// aboutKey is where the folder describes itself.
func aboutKey() []byte { return append([]byte{metaSpace}, "store"...) }
