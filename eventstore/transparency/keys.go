package transparency

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The types of keys (C2SP signed-note, Signature types).
const (
	keyEd25519     = 0x01
	keyCosignature = 0x04
	keyMLDSA       = 0x06
)

const (
	// timestampBytes are in front of a cosignature.
	timestampBytes = 8
	// maxTimestamp is the end of the year 9999, in seconds.
	maxTimestamp = 253402300799
)

// Keys are the public keys that a verifier knows: of logs, and of witnesses.
type Keys struct {
	logs, witnesses []note.Verifier
}

// ParseKeys reads verifier keys (C2SP signed-note, Verifier keys): Ed25519 keys are those of logs, keys for timestamped Ed25519
// cosignatures those of witnesses. Errors: ErrKey.
func ParseKeys(texts ...string) (Keys, error) {
	var k Keys
	for _, text := range texts {
		v, kind, err := parseKey(text)
		if err != nil {
			return Keys{}, err
		}
		if kind == keyCosignature {
			k.witnesses = append(k.witnesses, v)
		} else {
			k.logs = append(k.logs, v)
		}
	}
	return k, nil
}

// Witnesses is how many keys of witnesses there are.
func (k Keys) Witnesses() int { return len(k.witnesses) }

func parseKey(text string) (note.Verifier, byte, error) {
	bad := func(why string) (note.Verifier, byte, error) {
		return nil, 0, fmt.Errorf("%w: %q %s", ErrKey, text, why)
	}
	parts := strings.Split(text, "+")
	const name, id, key = 0, 1, 2
	if len(parts) < key+1 {
		return bad("must be name+id+key")
	}
	encoded := strings.Join(parts[key:], "+") // base64 has a plus too
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		if len(raw) > 0 && raw[0] == keyMLDSA {
			return bad("is an ML-DSA-44 key, which this Kipay can't verify; witnesses have an Ed25519 key as well")
		}
		return bad("has no Ed25519 key")
	}
	switch raw[0] {
	case keyEd25519:
		v, err := note.NewVerifier(text)
		if err != nil || keyID(v.Name(), v.KeyHash()) != parts[name]+"+"+parts[id] {
			return bad("has another id than its key")
		}
		return v, keyEd25519, CheckOrigin(v.Name())
	case keyCosignature:
		v := cosignatureVerifier{name: parts[name], key: ed25519.PublicKey(raw[1:])}
		if CheckOrigin(v.name) != nil || keyID(v.Name(), v.KeyHash()) != parts[name]+"+"+parts[id] {
			return bad("has another id than its key")
		}
		return v, keyCosignature, nil
	default:
		return bad("is of an unknown type")
	}
}

// verifiers are the keys that may say something of a log: its own, and the witnesses'.
func (k Keys) verifiers(origin string) note.Verifiers {
	var list []note.Verifier
	for _, v := range k.logs {
		if v.Name() == origin {
			list = append(list, v)
		}
	}
	return note.VerifierList(distinct(append(list, k.witnesses...))...)
}

// distinct leaves out what stands there before: the same key given twice.
func distinct(list []note.Verifier) []note.Verifier {
	seen := make(map[string]bool)
	var out []note.Verifier
	for _, v := range list {
		if id := keyID(v.Name(), v.KeyHash()); !seen[id] {
			seen[id] = true
			out = append(out, v)
		}
	}
	return out
}

func (k Keys) isWitness(name string, hash uint32) bool {
	for _, v := range k.witnesses {
		if v.Name() == name && v.KeyHash() == hash {
			return true
		}
	}
	return false
}

// knows tells that a key of the log is among them.
func (k Keys) knows(origin string) bool {
	for _, v := range k.logs {
		if v.Name() == origin {
			return true
		}
	}
	return false
}

// cosignatureVerifier verifies timestamped Ed25519 cosignatures (C2SP tlog-cosignature).
type cosignatureVerifier struct {
	name string
	key  ed25519.PublicKey
}

// Name is the witness's name.
func (v cosignatureVerifier) Name() string { return v.name }

// KeyHash is the key's id.
func (v cosignatureVerifier) KeyHash() uint32 { return keyHash(v.name, keyCosignature, v.key) }

// Verify tells whether the cosignature is one of the checkpoint's text.
func (v cosignatureVerifier) Verify(text, sig []byte) bool {
	if len(sig) != timestampBytes+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at <= maxTimestamp && ed25519.Verify(v.key, cosignedMessage(at, text), sig[timestampBytes:])
}

// cosignedMessage is what a witness signs.
func cosignedMessage(at uint64, text []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(at, 10)+"\n"), text...)
}

// cosignedAt is when a cosignature that was verified was made.
func cosignedAt(encoded string) time.Time {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < keyIDBytes+timestampBytes {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw[keyIDBytes:])), 0).UTC()
}
