package transfer

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"

	"github.com/benfex/kipay/eventstore"
)

const (
	// frameBytes is how many bytes of lines make a frame (one line at least): what an interrupted export loses.
	frameBytes = 1 << 20
	// maxFrame bounds a frame of ours, compressed or not.
	maxFrame = frameBytes + 2*maxLine
)

// State is where an export that is carried on stands. Its JSON travels from the one who has the file to the one who has
// the store.
type State struct {
	Export uuid.UUID `json:"export"`
	// Events is how many there are, Position and Last the source's position and the id of the last one.
	Events   uint64              `json:"events"`
	Position eventstore.Position `json:"position"`
	Last     uuid.UUID           `json:"last"`
	// Hash is the digest so far, to be gone on with.
	Hash []byte `json:"hash"`
}

// Scan finds out where the export in the file stands, and the offset from which on it is carried on: what is behind is
// to be cut off. An export of which not one frame was finished is nil, from the start. Errors: ErrFormat, ErrDamaged.
func Scan(file io.Reader) (_ *State, offset int64, err error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return nil, 0, err
	}
	defer decoder.Close()
	s := scan{sum: sha256.New()}
	var frame, lines []byte
	in := &offsetReader{r: file}
	for {
		whole := in.offset
		frame, err = readFrame(in, frame[:0])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return s.state(whole)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: at byte %d: %w", ErrDamaged, whole, err)
		}
		if lines, err = decoder.DecodeAll(frame, lines[:0]); err != nil {
			return nil, 0, fmt.Errorf("%w: the frame at byte %d: %w", ErrDamaged, whole, err)
		}
		if isTrailer(lines) {
			return s.state(whole)
		}
		if err := s.take(lines); err != nil {
			return nil, 0, fmt.Errorf("the frame at byte %d: %w", whole, err)
		}
	}
}

// scan is what Scan has seen.
type scan struct {
	at  *State
	sum hash.Hash
}

// take takes the lines of a frame in.
func (s *scan) take(lines []byte) error {
	s.sum.Write(lines)
	for len(lines) > 0 {
		line, rest, ended := bytes.Cut(lines, []byte("\n"))
		if !ended {
			return fmt.Errorf("%w: it ends within a line", ErrDamaged)
		}
		lines = rest
		if s.at == nil {
			h, err := parseHeader(line, eventsFormat)
			if err != nil {
				return err
			}
			s.at = &State{Export: h.Export}
			continue
		}
		rec, err := parseEvent(line)
		if err != nil {
			return fmt.Errorf("%w: event %d: %w", ErrDamaged, s.at.Events+1, err)
		}
		s.at.Events++
		s.at.Position, s.at.Last = rec.Position, rec.ID
	}
	return nil
}

func (s *scan) state(offset int64) (*State, int64, error) {
	if s.at == nil {
		return nil, 0, nil
	}
	var err error
	s.at.Hash, err = saveHash(s.sum)
	return s.at, offset, err
}

func saveHash(h hash.Hash) ([]byte, error) {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.New("the digest can't be kept")
	}
	return m.MarshalBinary()
}

func loadHash(state []byte) (hash.Hash, error) {
	h := sha256.New()
	m, ok := h.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errors.New("the digest can't be kept")
	}
	return h, m.UnmarshalBinary(state)
}

type offsetReader struct {
	r      io.Reader
	offset int64
}

// Read counts what is read.
func (o *offsetReader) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	o.offset += int64(n)
	return n, err
}

// readFrame appends the next zstd frame to dst (RFC 8878, section 3.1.1). io.EOF when there is none, io.ErrUnexpectedEOF
// when it is cut off.
func readFrame(r io.Reader, dst []byte) ([]byte, error) {
	read := func(n int) error {
		if len(dst)+n > maxFrame {
			return errors.New("a frame too large to be one of ours")
		}
		from := len(dst)
		dst = append(dst, make([]byte, n)...)
		_, err := io.ReadFull(r, dst[from:])
		if errors.Is(err, io.EOF) && from > 0 {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	const magicAndDescriptor, blockHeader, checksum = 5, 3, 4
	if err := read(magicAndDescriptor); err != nil {
		return nil, err
	}
	var h zstd.Header
	for { // only the descriptor says how long the header is
		err := h.Decode(dst)
		if err == nil && !h.Skippable {
			break
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(dst) >= zstd.HeaderMaxSize {
			return nil, errors.Join(errors.New("no frame of zstd"), err)
		}
		if err := read(1); err != nil {
			return nil, err
		}
	}
	for last := false; !last; {
		if err := read(blockHeader); err != nil {
			return nil, err
		}
		b := binary.LittleEndian.Uint32(append([]byte(nil), dst[len(dst)-3], dst[len(dst)-2], dst[len(dst)-1], 0))
		last = b&1 == 1
		size := int(b >> 3)
		if kind := b >> 1 & 3; kind == 1 { // one byte, so many times
			size = 1
		}
		if err := read(size); err != nil {
			return nil, err
		}
	}
	if h.HasCheckSum {
		return dst, read(checksum)
	}
	return dst, nil
}
