package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/benfex/kipay/eventstore"
)

// watermarkFile is the file in the folder that says up to which position appends were acknowledged.
const watermarkFile = "ACKNOWLEDGED"

// watermarkBytes is the file's content: the position, big-endian, and its CRC-32C.
const watermarkBytes = 8 + 4

// watermark notes the newest position, after its log was synced and before anybody is told. It is not synced itself, so
// it never says more than is true, and after a power cut perhaps less. Pebble can't tell damage near the end of its log
// from a tail that was never acknowledged, and drops both without a word; with the watermark a start knows.
type watermark struct{ file vfs.File }

// openWatermark opens the folder's watermark, whose log ends at head. ErrCorrupt when more was acknowledged than is
// there.
func openWatermark(fs vfs.FS, dir string, head eventstore.Position) (*watermark, error) {
	path := fs.PathJoin(dir, watermarkFile)
	file, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", eventstore.ErrUnavailable, reason("open "+path, err), err)
	}
	var content [watermarkBytes]byte
	_, err = file.ReadAt(content[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(readError("read "+path, err), file.Close())
	}
	acknowledged, ok := decodeWatermark(content)
	if err == nil && ok && acknowledged > head {
		return nil, errors.Join(fmt.Errorf("%w: the log in %s ends at position %d, but events up to %d were acknowledged: "+
			"the disk or a copy of the folder has lost them. Restore the folder; to go on without them, remove the file %s",
			eventstore.ErrCorrupt, dir, head, acknowledged, path), file.Close())
	}
	return &watermark{file}, nil
}

func decodeWatermark(content [watermarkBytes]byte) (eventstore.Position, bool) {
	ok := binary.BigEndian.Uint32(content[8:]) == crc32.Checksum(content[:8], castagnoli)
	return eventstore.Position(binary.BigEndian.Uint64(content[:])), ok
}

// raise notes that everything up to pos is durable. A failure fails the store (guard.go).
func (w *watermark) raise(pos eventstore.Position) error {
	var content [watermarkBytes]byte
	binary.BigEndian.PutUint64(content[:], uint64(pos))
	binary.BigEndian.PutUint32(content[8:], crc32.Checksum(content[:8], castagnoli))
	_, err := w.file.WriteAt(content[:], 0)
	return err
}

// Close syncs the watermark and closes it.
func (w *watermark) Close() error { return errors.Join(w.file.Sync(), w.file.Close()) }
