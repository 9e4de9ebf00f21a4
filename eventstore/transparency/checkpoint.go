package transparency

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// maxOriginBytes bounds the name of a log, because cosigners give its length in a byte (C2SP tlog-cosignature).
	maxOriginBytes = 255
	// maxCheckpointBytes bounds a checkpoint with all its signatures.
	maxCheckpointBytes = 64 << 10
	// signatureStart begins the line of a signature (C2SP signed-note).
	signatureStart = "— "
	// keyIDBytes are in front of each signature, and tell whose it is.
	keyIDBytes = 4
)

// Head is a head of a tree: the log of this name has so many leaves, with this root.
type Head struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Text is what is signed (C2SP tlog-checkpoint, Note text).
func (h Head) Text() string { return fmt.Sprintf("%s\n%d\n%s\n", h.Origin, h.Size, h.Root) }

// CheckOrigin tells whether a log can have the name: it is the name of its keys too.
func CheckOrigin(origin string) error {
	spaced := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+' }
	if origin == "" || len(origin) > maxOriginBytes || !utf8.ValidString(origin) || strings.ContainsFunc(origin, spaced) {
		return fmt.Errorf("the name of the log must be 1 to %d bytes without spaces and plus, such as pay.example/kipay, not %q", maxOriginBytes, origin)
	}
	return nil
}

// ParseHead reads what Text wrote, and nothing else: no extension lines either, which we never make.
func ParseHead(text string) (Head, error) {
	lines := strings.Split(text, "\n")
	const origin, size, root, end = 0, 1, 2, 3
	if len(lines) != end+1 {
		return Head{}, fmt.Errorf("%w: its text has %d lines", ErrCheckpoint, len(lines)-1)
	}
	h := Head{Origin: lines[origin]}
	if err := CheckOrigin(h.Origin); err != nil {
		return Head{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	var err error
	if h.Size, err = strconv.ParseInt(lines[size], 10, 64); err != nil || h.Size < 0 || h.Size > maxTreeSize {
		return Head{}, fmt.Errorf("%w: %q is no size of a tree", ErrCheckpoint, lines[size])
	}
	if h.Root, err = tlog.ParseHash(lines[root]); err != nil || h.Text() != text {
		return Head{}, fmt.Errorf("%w: %q is no root", ErrCheckpoint, lines[root])
	}
	if h.Size == 0 && h.Root != emptyRoot() {
		return Head{}, fmt.Errorf("%w: a tree without leaves has another root", ErrCheckpoint)
	}
	return h, nil
}

// Checkpoint is a head with who signed it.
type Checkpoint struct {
	Head
	// Signed are the log's keys, of those that were given, that have signed it: at least one.
	Signed []string
	// Cosigned are the witnesses, of those that were given, that have seen it.
	Cosigned []Cosignature
	// Unknown are the keys of the other signatures, which say nothing to who does not know them.
	Unknown []string
}

// Cosignature is a witness's word that at that time this was the largest tree of the log that it had seen.
type Cosignature struct {
	// Name is the witness's, Key its key as name and id.
	Name, Key string
	At        time.Time
}

// cosigners is how many witnesses have seen it: one who has two keys, as while they rotate, is one all the same.
func (c Checkpoint) cosigners() int {
	names := make(map[string]bool)
	for _, s := range c.Cosigned {
		names[s.Name] = true
	}
	return len(names)
}

// OpenCheckpoint reads a checkpoint and checks its signatures against the keys. A signature of a known key that doesn't fit
// makes it worthless, and so does one written in another form than the one there is. Errors: ErrCheckpoint.
func OpenCheckpoint(text string, keys Keys) (Checkpoint, error) {
	if len(text) > maxCheckpointBytes {
		return Checkpoint{}, fmt.Errorf("%w: it has %d bytes", ErrCheckpoint, len(text))
	}
	body, signatures, err := splitNote(text)
	if err != nil {
		return Checkpoint{}, err
	}
	head, err := ParseHead(body)
	if err != nil {
		return Checkpoint{}, err
	}
	opened, err := note.Open([]byte(text), keys.verifiers(head.Origin))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		opened, err = unverified.Note, nil
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	c := Checkpoint{Head: head}
	for _, s := range opened.Sigs {
		id := keyID(s.Name, s.Hash)
		if keys.isWitness(s.Name, s.Hash) {
			c.Cosigned = append(c.Cosigned, Cosignature{Name: s.Name, Key: id, At: cosignedAt(s.Base64)})
		} else {
			c.Signed = append(c.Signed, id)
		}
	}
	for _, s := range opened.UnverifiedSigs {
		c.Unknown = append(c.Unknown, keyID(s.Name, s.Hash))
	}
	if len(c.Signed)+len(c.Cosigned)+len(c.Unknown) != len(signatures) {
		return Checkpoint{}, fmt.Errorf("%w: a signature stands there twice", ErrCheckpoint)
	}
	if len(c.Signed) == 0 {
		return Checkpoint{}, fmt.Errorf("%w: none of the keys of %s that were given has signed it (%q have)", ErrCheckpoint, head.Origin, c.Unknown)
	}
	return c, nil
}

// splitNote parts a signed note into its text and the lines of its signatures, which have the one form there is.
func splitNote(signed string) (text string, signatures []string, err error) {
	at := strings.LastIndex(signed, "\n\n")
	if at < 0 || !strings.HasSuffix(signed, "\n") {
		return "", nil, fmt.Errorf("%w: it is no signed note", ErrCheckpoint)
	}
	signatures = strings.Split(strings.TrimSuffix(signed[at+2:], "\n"), "\n")
	for _, line := range signatures {
		if _, _, err := parseSignature(line); err != nil {
			return "", nil, err
		}
	}
	return signed[:at+1], signatures, nil
}

// parseSignature reads the line of a signature: whose it is, and the signature behind the key's id.
func parseSignature(line string) (name string, raw []byte, err error) {
	rest, marked := strings.CutPrefix(line, signatureStart)
	name, encoded, _ := strings.Cut(rest, " ")
	raw, err = base64.StdEncoding.Strict().DecodeString(encoded)
	if !marked || err != nil || len(raw) <= keyIDBytes || CheckOrigin(name) != nil || base64.StdEncoding.EncodeToString(raw) != encoded {
		return "", nil, fmt.Errorf("%w: a line is no signature", ErrCheckpoint)
	}
	return name, raw, nil
}

// keyID tells a key from others, as its verifier key begins.
func keyID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// signatureKey is the id of the key of a signature that was parsed.
func signatureKey(name string, raw []byte) string { return keyID(name, binary.BigEndian.Uint32(raw)) }

// signHead signs a head with each of the keys.
func signHead(h Head, signers ...note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: h.Text()}, signers...)
	if err != nil {
		return "", fmt.Errorf("sign the head over %d events: %w", h.Size, err)
	}
	return string(signed), nil
}

// withCosignatures adds lines of signatures to a signed note, those of keys that are there already left out.
func withCosignatures(signed string, lines []string) string {
	_, there, err := splitNote(signed)
	if err != nil {
		return signed
	}
	have := make(map[string]bool)
	for _, line := range there {
		name, raw, _ := parseSignature(line) // splitNote has parsed them all
		have[signatureKey(name, raw)] = true
	}
	var out strings.Builder
	out.WriteString(signed)
	for _, line := range lines {
		name, raw, err := parseSignature(line)
		if err != nil || have[signatureKey(name, raw)] {
			continue
		}
		have[signatureKey(name, raw)] = true
		out.WriteString(line + "\n")
	}
	return out.String()
}
