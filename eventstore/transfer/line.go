package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

const (
	eventsFormat = "kipay-events"
	keysFormat   = "kipay-keys"
	// formatVersion is the version of both files.
	formatVersion = 1
	// maxLine bounds a line: an event of MaxAppendBytes in base64, and room.
	maxLine = 2 * eventstore.MaxAppendBytes
)

// header is the first line of a file.
type header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Export  uuid.UUID `json:"export"`
	Created time.Time `json:"created"`
	LeftOut []string  `json:"left_out,omitempty"`
	// Events is the digest of the events that keys belong to, in hex.
	Events string `json:"events_sha256,omitempty"`
}

// trailer is the last line of a file, under "end".
type trailer struct {
	Events   uint64              `json:"events,omitempty"`
	Position eventstore.Position `json:"position,omitempty"`
	Keys     uint64              `json:"keys,omitempty"`
	SHA256   string              `json:"sha256"`
	Seal     []byte              `json:"seal"`
}

type trailerLine struct {
	End trailer `json:"end"`
}

// isTrailer tells a trailer from an event or a key.
func isTrailer(line []byte) bool { return bytes.HasPrefix(line, []byte(`{"end":`)) }

// parseHeader reads the first line of a file of that format.
func parseHeader(line []byte, format string) (header, error) {
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Format != format {
		return h, fmt.Errorf("%w: it does not begin as %s do", ErrFormat, format)
	}
	if h.Version != formatVersion {
		return h, fmt.Errorf("%w: %s of version %d, this Kipay reads version %d", ErrFormat, format, h.Version, formatVersion)
	}
	return h, nil
}

func parseTrailer(line []byte) (trailer, error) {
	var t trailerLine
	if err := json.Unmarshal(line, &t); err != nil {
		return trailer{}, fmt.Errorf("trailer: %w", err)
	}
	return t.End, nil
}

// appendEvent appends the record as a line.
func appendEvent(dst []byte, r *eventstore.Record) []byte {
	dst = append(dst, `{"position":`...)
	dst = strconv.AppendUint(dst, uint64(r.Position), 10)
	dst = append(dst, `,"recorded_at":"`...)
	dst = r.RecordedAt.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","stream":`...)
	dst = appendText(dst, r.Stream)
	dst = append(dst, `,"revision":`...)
	dst = strconv.AppendInt(dst, int64(r.Revision), 10)
	dst = append(dst, `,"id":"`...)
	dst = append(dst, r.ID.String()...)
	dst = append(dst, `","type":`...)
	dst = appendText(dst, r.Type)
	dst = appendBytes(dst, "metadata", r.Metadata)
	dst = appendBytes(dst, "data", r.Data)
	return append(dst, "}\n"...)
}

// appendText appends a JSON string.
func appendText(dst []byte, text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always can be encoded
	}
	return append(dst, raw...)
}

// appendBytes appends a field with the bytes, so that a reader of the line gets these very bytes.
func appendBytes(dst []byte, name string, value []byte) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	if isOneLine(value) {
		dst = append(dst, `":`...)
		return append(dst, value...)
	}
	dst = append(dst, `_base64":`...)
	raw, err := json.Marshal(append([]byte{}, value...)) // nil would be null
	if err != nil {
		panic(err) // bytes always can be encoded
	}
	return append(dst, raw...)
}

// isOneLine tells that the bytes are JSON that can stand in a line as they are: a reader takes white space around a value
// off, and replaces what is no UTF-8.
func isOneLine(value []byte) bool {
	return json.Valid(value) && utf8.Valid(value) && !bytes.ContainsAny(value, "\r\n") && len(bytes.TrimSpace(value)) == len(value)
}

// eventLine is an event's line as it is read.
type eventLine struct {
	Position       uint64              `json:"position"`
	RecordedAt     time.Time           `json:"recorded_at"`
	Stream         string              `json:"stream"`
	Revision       eventstore.Revision `json:"revision"`
	ID             uuid.UUID           `json:"id"`
	Type           string              `json:"type"`
	Metadata       json.RawMessage     `json:"metadata"`
	MetadataBase64 *[]byte             `json:"metadata_base64"`
	Data           json.RawMessage     `json:"data"`
	DataBase64     *[]byte             `json:"data_base64"`
}

// parseEvent reads an event's line.
func parseEvent(line []byte) (eventstore.Record, error) {
	var e eventLine
	if err := json.Unmarshal(line, &e); err != nil {
		return eventstore.Record{}, err
	}
	switch {
	case e.Stream == "" || e.Type == "" || e.ID == uuid.Nil:
		return eventstore.Record{}, errors.New("an event without stream, type or id")
	case e.Revision < 0:
		return eventstore.Record{}, fmt.Errorf("revision %d of %q", e.Revision, e.Stream)
	case e.RecordedAt.UTC().Year() < 0 || e.RecordedAt.UTC().Year() > 9999:
		return eventstore.Record{}, errors.New("a time that no line can have")
	case LeftOut(e.Stream):
		return eventstore.Record{}, fmt.Errorf("an event of %q, which doesn't travel", e.Stream)
	}
	metadata, err := oneOf("metadata", e.Metadata, e.MetadataBase64)
	if err != nil {
		return eventstore.Record{}, err
	}
	data, err := oneOf("data", e.Data, e.DataBase64)
	if err != nil {
		return eventstore.Record{}, err
	}
	return eventstore.Record{
		Position: eventstore.Position(e.Position), Stream: e.Stream, Revision: e.Revision, ID: e.ID, Type: e.Type,
		Data: data, Metadata: metadata, RecordedAt: e.RecordedAt.UTC(),
	}, nil
}

// oneOf is the field in whichever form it stands.
func oneOf(name string, raw json.RawMessage, encoded *[]byte) ([]byte, error) {
	switch {
	case (raw == nil) == (encoded == nil):
		return nil, fmt.Errorf("%s must stand there in one form", name)
	case encoded != nil:
		return *encoded, nil
	default:
		return raw, nil
	}
}
