package transparency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

const (
	// sealPrefix begins a sealed field: s1.<commitment>.<envelope>, both in unpadded base64url (package eventstore, seal.go).
	sealPrefix = "s1."
	// commitmentChars is the length of a commitment there.
	commitmentChars = 43
	// maxPathDepth bounds how deep in its event a sealed field is looked for.
	maxPathDepth = 16
)

// Opener opens sealed fields. subject and key are those of the event's metadata, id is the event's. It answers
// eventstore.ErrErased when the key is destroyed.
type Opener interface {
	OpenSealed(ctx context.Context, subject, key string, id uuid.UUID, sealed string) (salt []byte, value string, err error)
}

// Disclose opens every sealed field of the events, which are in the order of the receipt. Fields whose key is destroyed stay
// closed.
func Disclose(ctx context.Context, opener Opener, records []eventstore.Record) ([]Disclosure, error) {
	var list []Disclosure
	for i := range records {
		r := &records[i]
		var meta eventstore.Metadata
		if json.Unmarshal(r.Metadata, &meta) != nil {
			continue // an event that says of no key that it was sealed with it
		}
		for _, path := range sealedPaths(r.Data, r.Metadata) {
			sealed, _ := sealedAt(r.Data, r.Metadata, path)
			salt, value, err := opener.OpenSealed(ctx, meta.Subject, meta.Key, r.ID, sealed)
			if errors.Is(err, eventstore.ErrErased) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("open %s of event %s: %w", path, r.ID, err)
			}
			list = append(list, Disclosure{Event: i, Path: path, Salt: salt, Value: []byte(value)})
		}
	}
	return list, nil
}

// check tells whether the disclosure is what the event's field was sealed over.
func (d Disclosure) check(e *ReceiptEvent) error {
	sealed, found := sealedAt(e.Data, e.Metadata, d.Path)
	if !found {
		return fmt.Errorf("event %d has no sealed field %q", d.Event, d.Path)
	}
	commitment, err := commitmentOf(sealed)
	if err != nil {
		return fmt.Errorf("event %d, field %q: %w", d.Event, d.Path, err)
	}
	if sum := sha256.Sum256(slices.Concat(d.Salt, d.Value)); !bytes.Equal(sum[:], commitment) {
		return fmt.Errorf("event %d, field %q: the value is not the one that was sealed", d.Event, d.Path)
	}
	return nil
}

// commitmentOf is the commitment in a sealed field.
func commitmentOf(sealed string) ([]byte, error) {
	rest, ok := strings.CutPrefix(sealed, sealPrefix)
	if !ok || len(rest) <= commitmentChars || rest[commitmentChars] != '.' || !isEnvelope(rest[commitmentChars+1:]) {
		return nil, errors.New("it is not in the form of a sealed field")
	}
	commitment, err := base64.RawURLEncoding.Strict().DecodeString(rest[:commitmentChars])
	if err != nil || len(commitment) != sha256.Size {
		return nil, errors.New("its commitment is no SHA-256")
	}
	return commitment, nil
}

// isEnvelope tells that the text is some base64url without padding.
func isEnvelope(text string) bool {
	other := func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	return text != "" && !strings.ContainsFunc(text, other)
}

// sealedAt is the sealed text at the path: a JSON pointer through objects, whose first step says whether into data or
// metadata.
func sealedAt(data, metadata []byte, path string) (string, bool) {
	steps := strings.Split(path, "/")
	const root, first = 1, 2
	if len(steps) <= first || len(steps) > first+maxPathDepth || steps[0] != "" {
		return "", false
	}
	at := json.RawMessage(data)
	switch steps[root] {
	case "data":
	case "metadata":
		at = metadata
	default:
		return "", false
	}
	if !utf8.Valid(at) { // Go's decoder would let it pass; it is no JSON
		return "", false
	}
	for _, step := range steps[first:] {
		var object map[string]json.RawMessage
		if json.Unmarshal(at, &object) != nil {
			return "", false
		}
		name := unescapeStep(step)
		next, found := object[name]
		if !found || escapeStep(name) != step {
			return "", false
		}
		at = next
	}
	var text *string
	if json.Unmarshal(at, &text) != nil || text == nil || !strings.HasPrefix(*text, sealPrefix) {
		return "", false
	}
	return *text, true
}

// escapeStep and unescapeStep are those of JSON pointers (RFC 6901, 3).
func escapeStep(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func unescapeStep(step string) string {
	return strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
}

// sealedPaths are the paths of all sealed fields of an event, in order.
func sealedPaths(data, metadata []byte) []string {
	var paths []string
	var walk func(path string, at json.RawMessage, depth int)
	walk = func(path string, at json.RawMessage, depth int) {
		var object map[string]json.RawMessage
		if depth > maxPathDepth || json.Unmarshal(at, &object) != nil {
			return
		}
		for name, value := range object {
			here := path + "/" + escapeStep(name)
			walk(here, value, depth+1)
			var text *string
			if json.Unmarshal(value, &text) == nil && text != nil {
				if _, err := commitmentOf(*text); err == nil {
					paths = append(paths, here)
				}
			}
		}
	}
	for _, part := range []struct {
		name string
		data []byte
	}{{"/data", data}, {"/metadata", metadata}} {
		if utf8.Valid(part.data) {
			walk(part.name, part.data, 1)
		}
	}
	slices.Sort(paths)
	return paths
}
