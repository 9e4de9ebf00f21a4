package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// format is the version of the folder's files. A higher one is refused.
const format = 1

// Parts of the folder.
const (
	pointsDir    = "points"
	logDir       = "log"
	keysDir      = "keys"
	erasuresFile = "erasures.ndjson"
	// asidePrefix is of files that are being written.
	asidePrefix = ".new-"
)

const (
	// maxFrameBytes is more than any record or key.
	maxFrameBytes = 8 << 20
	// maxHeaderBytes is more than any first line, maxManifestBytes than any point.
	maxHeaderBytes   = 16 << 10
	maxManifestBytes = 1 << 20
	// maxWindowBytes bounds the memory that a file may ask for when it is read.
	maxWindowBytes = 32 << 20
)

// The ways in which a folder can be unfit, for errors.Is.
var (
	// ErrDamaged: a file is missing, cut short or not what was written.
	ErrDamaged = errors.New("backup damaged")
	// ErrOtherStore: the folder holds backups of another store, or of another history of this one.
	ErrOtherStore = errors.New("backups of another store")
	// ErrNoPoint: there is no such restore point.
	ErrNoPoint = errors.New("no such restore point")
)

// Ref names a file of the folder and what is in it.
type Ref struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

var goodName = regexp.MustCompile(`^(log|keys)/[0-9a-f-]+\.(seg|keys)$`)

// path is where the file is. A name that a damaged or made-up point gives never leads out of the folder.
func (r Ref) path(dir string) (string, error) {
	if !goodName.MatchString(r.Name) {
		return "", fmt.Errorf("%w: %.80q is no name of a file", ErrDamaged, r.Name)
	}
	return filepath.Join(dir, filepath.FromSlash(r.Name)), nil
}

// present checks that the file is there in its length.
func (r Ref) present(dir string) error {
	path, err := r.path(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is missing (was the folder copied to its end?)", ErrDamaged, r.Name)
	case err != nil:
		return err
	case info.Size() != r.Bytes:
		return fmt.Errorf("%w: %s has %d bytes, %d were written (was the folder copied to its end?)", ErrDamaged, r.Name, info.Size(), r.Bytes)
	}
	return nil
}

// fileWriter writes a file aside: a line of JSON, then frames in a zstd stream.
type fileWriter struct {
	dir    string
	file   *os.File
	sum    hash.Hash
	buf    *bufio.Writer
	stream *zstd.Encoder
	frames uint64
	bytes  int64 // of the frames
}

func createFile(dir, part string, header any) (*fileWriter, error) {
	line, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Join(dir, part), asidePrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	w := &fileWriter{dir: dir, file: file, sum: sha256.New()}
	w.buf = bufio.NewWriterSize(io.MultiWriter(file, w.sum), 256<<10)
	_, err = w.buf.Write(append(line, '\n'))
	if err == nil {
		w.stream, err = zstd.NewWriter(w.buf, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	}
	if err != nil {
		w.discard()
		return nil, fmt.Errorf("backup: %w", err)
	}
	return w, nil
}

// frame adds one piece of bytes.
func (w *fileWriter) frame(b []byte) error {
	var length [binary.MaxVarintLen64]byte
	if _, err := w.stream.Write(length[:binary.PutUvarint(length[:], uint64(len(b)))]); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if _, err := w.stream.Write(b); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	w.frames++
	w.bytes += int64(len(b))
	return nil
}

// commit makes the file durable under the name that its checksum gives it.
func (w *fileWriter) commit(name func(sum string) string) (_ Ref, err error) {
	defer w.discard()
	if err := errors.Join(w.stream.Close(), w.buf.Flush()); err != nil {
		return Ref{}, fmt.Errorf("backup: %w", err)
	}
	info, err := w.file.Stat()
	if err != nil {
		return Ref{}, fmt.Errorf("backup: %w", err)
	}
	sum := hex.EncodeToString(w.sum.Sum(nil))
	ref := Ref{Name: name(sum), SHA256: sum, Bytes: info.Size()}
	path, err := ref.path(w.dir)
	if err != nil {
		return Ref{}, err
	}
	return ref, settle(w.file, path)
}

// discard removes what was not committed.
func (w *fileWriter) discard() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// settle syncs a file that was written aside, moves it to its place, and syncs the folder.
func settle(file *os.File, path string) error {
	if err := file.Sync(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// writeWhole writes a small file whole or not at all.
func writeWhole(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), asidePrefix+"*")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer func() { _ = file.Close() }()
	if _, err := file.Write(content); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return settle(file, path)
}

// fileReader reads a file and verifies it on the way: the end of the frames comes only if everything was as written.
type fileReader struct {
	ref    Ref
	file   *os.File
	sum    hash.Hash
	all    *bufio.Reader // everything that is in the file, summed
	stream *zstd.Decoder
	frames *bufio.Reader
}

// openFile opens the file and reads its header. The header is verified with everything else, at the end.
func openFile(dir string, ref Ref, header any) (*fileReader, error) {
	if err := ref.present(dir); err != nil {
		return nil, err
	}
	path, err := ref.path(dir)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &fileReader{ref: ref, file: file, sum: sha256.New()}
	r.all = bufio.NewReaderSize(io.TeeReader(file, r.sum), maxHeaderBytes)
	line, err := r.all.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, header)
	}
	if err == nil {
		r.stream, err = zstd.NewReader(r.all, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindowBytes))
	}
	if err != nil {
		r.close()
		return nil, r.damaged(err)
	}
	r.frames = bufio.NewReaderSize(r.stream, 64<<10)
	return r, nil
}

func (r *fileReader) damaged(err error) error {
	return fmt.Errorf("%w: %s: %w", ErrDamaged, r.ref.Name, err)
}

// frame is the next piece, io.EOF after the last one when the whole file was verified.
func (r *fileReader) frame(dst []byte) ([]byte, error) {
	length, err := binary.ReadUvarint(r.frames)
	if errors.Is(err, io.EOF) {
		return nil, r.verify()
	}
	if err != nil {
		return nil, r.damaged(err)
	}
	if length > maxFrameBytes {
		return nil, r.damaged(fmt.Errorf("a piece of %d bytes", length))
	}
	if uint64(cap(dst)) < length {
		dst = make([]byte, length)
	}
	dst = dst[:length]
	if _, err := io.ReadFull(r.frames, dst); err != nil {
		return nil, r.damaged(err)
	}
	return dst, nil
}

func (r *fileReader) verify() error {
	if _, err := io.Copy(io.Discard, r.all); err != nil {
		return r.damaged(err)
	}
	if sum := hex.EncodeToString(r.sum.Sum(nil)); sum != r.ref.SHA256 {
		return r.damaged(fmt.Errorf("its SHA-256 is %s, written was %.64s", sum, r.ref.SHA256))
	}
	return io.EOF
}

func (r *fileReader) close() {
	if r.stream != nil {
		r.stream.Close()
	}
	_ = r.file.Close()
}

// sweep removes what was written aside and left behind, and files of log and keys that nothing refers to.
func sweep(dir string, keep map[string]bool) error {
	for _, part := range []string{".", pointsDir, logDir, keysDir} {
		entries, err := os.ReadDir(filepath.Join(dir, part))
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		for _, e := range entries {
			name := part + "/" + e.Name()
			if strings.HasPrefix(e.Name(), asidePrefix) || goodName.MatchString(name) && !keep[name] {
				if err := os.Remove(filepath.Join(dir, part, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("backup: %w", err)
				}
			}
		}
	}
	return nil
}
