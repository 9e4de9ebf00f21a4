package eventstore

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// A sealed field on the wire is one text:
//
//	s1.<commitment>.<envelope>
//
// both in unpadded base64url. The commitment is SHA-256(salt ‖ value) with a salt of 128 random bits; the envelope is
// nonce ‖ AES-256-GCM(salt ‖ value) under the data key of the event's subject, with the event's id as additional data,
// so that a field can't be moved to another event.
const (
	sealPrefix = "s1."
	saltBytes  = 16
	nonceBytes = 12
	commitLen  = 43 // base64url of 32 bytes
)

var errSealed = errors.New("sealed field is altered or cut short")

// sealText seals one value. noise holds saltBytes+nonceBytes of randomness.
func sealText(aead cipher.AEAD, id uuid.UUID, value string, noise []byte) string {
	scratch, _ := sealScratch.Get().(*[]byte)
	b := (*scratch)[:0]
	b = append(b, noise[:saltBytes]...)
	b = append(b, value...)
	plain := len(b)
	commitment := sha256.Sum256(b)
	nonce := noise[saltBytes : saltBytes+nonceBytes]
	b = append(b, nonce...)
	b = slices.Grow(b, plain+aead.Overhead()) // so that plain text and envelope stay in one piece of memory
	b = aead.Seal(b, nonce, b[:plain], id[:])
	envelope := b[plain:]

	text := len(b)
	b = append(b, sealPrefix...)
	b = base64.RawURLEncoding.AppendEncode(b, commitment[:])
	b = append(b, '.')
	b = base64.RawURLEncoding.AppendEncode(b, envelope)
	out := string(b[text:])
	clear(b[:plain]) // no plain text stays behind
	*scratch = b
	sealScratch.Put(scratch)
	return out
}

// sealScratch holds memory for sealing one value.
var sealScratch = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// openText opens what sealText sealed and checks the commitment.
func openText(aead cipher.AEAD, id uuid.UUID, sealed string) (string, error) {
	_, value, err := openSalted(aead, id, sealed)
	return value, err
}

// openSalted is openText, with the salt: together they are what the commitment is over.
func openSalted(aead cipher.AEAD, id uuid.UUID, sealed string) (salt []byte, value string, err error) {
	rest, ok := strings.CutPrefix(sealed, sealPrefix)
	if !ok || len(rest) < commitLen+1 || rest[commitLen] != '.' {
		return nil, "", errSealed
	}
	commitment, err := base64.RawURLEncoding.DecodeString(rest[:commitLen])
	if err != nil {
		return nil, "", errSealed
	}
	envelope, err := base64.RawURLEncoding.DecodeString(rest[commitLen+1:])
	if err != nil || len(envelope) < nonceBytes {
		return nil, "", errSealed
	}
	plain, err := aead.Open(envelope[nonceBytes:nonceBytes], envelope[:nonceBytes], envelope[nonceBytes:], id[:])
	if err != nil || len(plain) < saltBytes {
		return nil, "", errSealed
	}
	if sum := sha256.Sum256(plain); subtle.ConstantTimeCompare(sum[:], commitment) != 1 {
		return nil, "", errSealed
	}
	return plain[:saltBytes:saltBytes], string(plain[saltBytes:]), nil
}

// OpenSealed opens one sealed field of the event, and answers the salt too: so it can be disclosed, and checked against its
// commitment, without the key. subject and keyID are those of the event's metadata. Errors: ErrErased when the key that sealed
// it is destroyed, also when the subject has another one since.
func (k *Keyring) OpenSealed(ctx context.Context, subject, keyID string, id uuid.UUID, sealed string) (salt []byte, value string, err error) {
	key, err := k.opening(ctx, subject)
	switch {
	case err != nil:
		return nil, "", err
	case key.id != keyID:
		return nil, "", ErrErased
	}
	return openSalted(key.aead, id, sealed)
}

// IsSealed tells whether a text has the form of a sealed field.
func IsSealed(s string) bool { return strings.HasPrefix(s, sealPrefix) }

// sealAll seals the values in place under the subject's key; empty ones stay empty. It answers the id of the key, empty
// when there was nothing to seal.
func (k *Keyring) sealAll(ctx context.Context, subject string, id uuid.UUID, values []*string) (keyID string, err error) {
	filled := 0
	for _, v := range values {
		if *v != "" {
			filled++
		}
	}
	if filled == 0 {
		return "", nil
	}
	if subject == "" {
		return "", fmt.Errorf("%w: an event with personal fields names no subject", ErrInvalid)
	}
	key, err := k.sealing(ctx, subject)
	if err != nil {
		return "", err
	}
	const each = saltBytes + nonceBytes
	var small [8 * each]byte
	noise := small[:]
	if filled*each > len(noise) {
		noise = make([]byte, filled*each)
	}
	noise = noise[:filled*each]
	if _, err := io.ReadFull(k.random, noise); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	for _, v := range values {
		if *v == "" {
			continue
		}
		*v = sealText(key.aead, id, *v, noise[:each])
		noise = noise[each:]
	}
	return key.id, nil
}

// openAll opens the values in place. erased is true, and the values are empty, when the key keyID that sealed them is
// destroyed, also when the subject has come back and has another one.
func (k *Keyring) openAll(ctx context.Context, subject, keyID string, id uuid.UUID, values []*string) (erased bool, err error) {
	var key dataKey
	for _, v := range values {
		if *v == "" {
			continue
		}
		if subject == "" || keyID == "" {
			return false, errSealed
		}
		if key.aead == nil && !erased {
			key, err = k.opening(ctx, subject)
			switch {
			case errors.Is(err, ErrErased) || err == nil && key.id != keyID:
				erased = true
			case err != nil:
				return false, err
			}
		}
		if erased {
			*v = ""
			continue
		}
		plain, err := openText(key.aead, id, *v)
		if err != nil {
			return false, err
		}
		*v = plain
	}
	return erased, nil
}
