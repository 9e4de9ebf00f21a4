package transfer

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/benfex/kipay/eventstore"
)

// Reader reads a file of events.
type Reader struct {
	decoder *zstd.Decoder
	lines   *lineReader
	header  header
	events  uint64
	at      eventstore.Position
	end     *trailer
}

// NewReader begins to read. Errors: ErrFormat, ErrCutOff.
func NewReader(from io.Reader) (*Reader, error) {
	const window = 32 << 20 // ours have less; so has what zstd makes up to level 19
	decoder, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	r := &Reader{decoder: decoder, lines: newLineReader(decoder)}
	line, err := r.lines.next()
	if err == nil {
		r.header, err = parseHeader(line, eventsFormat)
	}
	if err != nil {
		r.Close()
		return nil, damage(err, 0)
	}
	return r, nil
}

// Close frees what the reader holds; the file is the caller's.
func (r *Reader) Close() { r.decoder.Close() }

// Next is the next event; io.EOF when the trailer was reached and is right about what was read. Errors: ErrCutOff, ErrDamaged.
func (r *Reader) Next() (eventstore.Record, error) {
	line, err := r.line()
	if err != nil {
		return eventstore.Record{}, err
	}
	rec, err := parseEvent(line)
	if err == nil && rec.Position <= r.at {
		err = fmt.Errorf("position %d after %d", rec.Position, r.at)
	}
	if err != nil {
		return eventstore.Record{}, fmt.Errorf("%w: event %d: %w", ErrDamaged, r.events, err)
	}
	r.at = rec.Position
	return rec, nil
}

// line is the next event's line, until the next call; an error as Next has it.
func (r *Reader) line() ([]byte, error) {
	if r.end != nil {
		return nil, io.EOF
	}
	line, err := r.lines.next()
	switch {
	case err != nil:
		return nil, damage(err, r.events)
	case isTrailer(line):
		return nil, r.finish(line)
	}
	r.events++
	return line, nil
}

// finish compares the trailer with what was read.
func (r *Reader) finish(line []byte) error {
	t, err := parseTrailer(line)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if t.Events != r.events || t.SHA256 != hex.EncodeToString(r.lines.before) {
		return fmt.Errorf("%w: it has %d events, and its end speaks of %d with another digest", ErrDamaged, r.events, t.Events)
	}
	if _, err := r.lines.next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something stands behind its end", ErrDamaged)
	}
	r.end = &t
	return io.EOF
}

// damage is what an error of reading says of the file.
func damage(err error, events uint64) error {
	switch {
	case errors.Is(err, ErrFormat):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w after %d events: export it anew, or go on with the export where it is (--resume)", ErrCutOff, events)
	case events == 0 && errors.Is(err, zstd.ErrMagicMismatch):
		return fmt.Errorf("%w: %w", ErrFormat, err)
	default:
		return fmt.Errorf("%w after %d events: %w", ErrDamaged, events, err)
	}
}

// lineReader reads lines and adds them up.
type lineReader struct {
	scan *bufio.Scanner
	sum  hash.Hash
	// before is the digest of all lines before the trailer.
	before []byte
}

func newLineReader(from io.Reader) *lineReader {
	const usual = 64 << 10
	scan := bufio.NewScanner(from)
	scan.Buffer(make([]byte, 0, usual), maxLine)
	scan.Split(splitLines)
	return &lineReader{scan: scan, sum: sha256.New()}
}

// splitLines gives lines as they are, and none that is not ended.
func splitLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

// next is the next line, without its end, until the next call; io.EOF after the last one.
func (l *lineReader) next() ([]byte, error) {
	if !l.scan.Scan() {
		if err := l.scan.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	line := l.scan.Bytes()
	if isTrailer(line) {
		l.before = l.sum.Sum(nil)
	}
	l.sum.Write(line)
	l.sum.Write([]byte{'\n'})
	return line, nil
}
