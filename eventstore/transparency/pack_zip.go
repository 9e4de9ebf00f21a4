package transparency

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// PackArchive puts the files of a pack into an archive as they come: a zip whose files stand in it as they are, so that each byte of
// it is either a file's, and under a digest, or follows from the files.
type PackArchive struct {
	zip  *zip.Writer
	name string
	file io.Writer
}

// NewPackArchive writes to w.
func NewPackArchive(w io.Writer) *PackArchive { return &PackArchive{zip: zip.NewWriter(w)} }

// Add adds a piece of the file, which is begun if the piece before was another's.
func (a *PackArchive) Add(name string, piece []byte) error {
	if name != a.name || a.file == nil {
		header := &zip.FileHeader{Name: name, Method: zip.Store, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		header.SetMode(0o644)
		file, err := a.zip.CreateHeader(header)
		if err != nil {
			return err
		}
		a.name, a.file = name, file
	}
	_, err := a.file.Write(piece)
	return err
}

// Close ends the archive.
func (a *PackArchive) Close() error { return a.zip.Close() }

// packFile is an archive that is read.
type packFile struct {
	zip     *zip.Reader
	digests map[string][sha256.Size]byte
}

// openPack reads an archive through once, and sees that it is byte for byte what PackArchive makes of its files.
func openPack(r io.ReaderAt, size int64) (*packFile, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, refusePack("", "it is no archive that can be read: %v", err)
	}
	names := packFiles()
	if len(archive.File) != len(names) {
		return nil, refusePack("", "it has %d files, not %d", len(archive.File), len(names))
	}
	p := &packFile{zip: archive, digests: map[string][sha256.Size]byte{}}
	same := &sameBytes{from: r}
	again := NewPackArchive(same)
	for i, f := range archive.File {
		if f.Name != names[i] {
			return nil, refusePack(names[i], "another file, called %.100q, stands in its place", f.Name)
		}
		if err := p.read(f, again); err != nil {
			return nil, err
		}
	}
	if err := again.Close(); err != nil || same.at != size {
		return nil, refusePack("", "what stands between its files was altered")
	}
	return p, nil
}

// read digests a file and writes it again.
func (p *packFile) read(f *zip.File, again *PackArchive) error {
	if f.Method != zip.Store {
		return refusePack(f.Name, "it is packed, which no file of a pack is")
	}
	from, err := f.Open()
	if err != nil {
		return refusePack(f.Name, "it can't be read: %v", err)
	}
	defer func() { _ = from.Close() }()
	hash := sha256.New()
	buffer := make([]byte, packPiece)
	if err := again.Add(f.Name, nil); err != nil {
		return refusePack(f.Name, "what stands before it was altered")
	}
	for {
		n, err := from.Read(buffer)
		hash.Write(buffer[:n])
		if againErr := again.Add(f.Name, buffer[:n]); againErr != nil {
			return refusePack(f.Name, "it or what stands before it was altered")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refusePack(f.Name, "it was altered: %v", err)
		}
	}
	p.digests[f.Name] = [sha256.Size]byte(hash.Sum(nil))
	return nil
}

// open reads a file.
func (p *packFile) open(name string) (io.ReadCloser, error) { return p.zip.Open(name) }

// text is a small file, whole.
func (p *packFile) text(name string) (string, error) {
	const most = 1 << 20
	f, err := p.open(name)
	if err != nil {
		return "", refusePack(name, "it can't be read: %v", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil || len(raw) > most {
		return "", refusePack(name, "it can't be read, or is too large")
	}
	return string(raw), nil
}

// errNotSame ends a comparison.
var errNotSame = errors.New("not the same bytes")

// sameBytes is a writer that takes only what stands in from.
type sameBytes struct {
	from  io.ReaderAt
	at    int64
	there []byte
}

// Write compares.
func (s *sameBytes) Write(p []byte) (int, error) {
	s.there = slices.Grow(s.there[:0], len(p))[:len(p)]
	if n, _ := s.from.ReadAt(s.there, s.at); n < len(p) || !bytes.Equal(s.there, p) {
		return 0, fmt.Errorf("%w after %d", errNotSame, s.at)
	}
	s.at += int64(len(p))
	return len(p), nil
}
