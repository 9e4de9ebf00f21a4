package commands

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
	"sync"

	"github.com/benfex/kipay/domain/transaction"
)

// deriver makes what must be the same whenever the same thing is meant, and unguessable by everybody else: keyed hashes
// (HMAC-SHA256) under the install's derivation key, which is never rotated.
type deriver struct{ pool sync.Pool }

func newDeriver(key []byte) *deriver {
	key = append([]byte(nil), key...)
	return &deriver{pool: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// sum hashes a purpose and parts, each with its length, so that no two lists of parts give the same bytes.
func (d *deriver) sum(purpose string, parts ...string) (out [sha256.Size]byte) {
	h := d.pool.Get().(hash.Hash)
	h.Reset()
	var n [4]byte
	write := func(s string) {
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	write(purpose)
	for _, p := range parts {
		write(p)
	}
	h.Sum(out[:0])
	d.pool.Put(h)
	return out
}

// hash is 128 bits of the sum, in hex: the name of a stream or the digest of a body.
func (d *deriver) hash(purpose string, parts ...string) string {
	sum := d.sum(purpose, parts...)
	return hex.EncodeToString(sum[:16])
}

// token is an unguessable part of a URL: 128 bits in lowercase hex, which holds no word that Daraja refuses.
func (d *deriver) token(purpose string, parts ...string) string {
	return d.hash("token "+purpose, parts...)
}

// tokenFits compares in constant time.
func (d *deriver) tokenFits(token, purpose string, parts ...string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(d.token(purpose, parts...))) == 1
}

// reference derives a reference.
func (d *deriver) reference(prefix, purpose string, parts ...string) transaction.Reference {
	sum := d.sum("reference "+purpose, parts...)
	return transaction.NewReference(prefix, sum[:])
}

var codeAlphabet = base32.NewEncoding("ABCDEFGHJKMNPQRSTVWXYZ0123456789").WithPadding(base32.NoPadding)

// accessCode is the access_code of a transaction: 80 bits that only this install can make.
func (d *deriver) accessCode(r transaction.Reference) string {
	sum := d.sum("access code", string(r))
	return codeAlphabet.EncodeToString(sum[:10])
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
