package transparency

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// Secrets keep the private halves of the keys: the install's key ring, which makes a secret of 32 bytes at its first use.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
}

// secretName is the name of the secret that is the seed of key number n.
func secretName(n int) string { return "transparency-" + strconv.Itoa(n) }

// newSigner makes the key of a seed for the log of that name.
func newSigner(origin string, seed []byte) (signer note.Signer, verifierKey string, err error) {
	if len(seed) != ed25519.SeedSize {
		return nil, "", fmt.Errorf("a key of %d bytes, not %d", len(seed), ed25519.SeedSize)
	}
	public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if verifierKey, err = note.NewEd25519VerifierKey(origin, public); err != nil {
		return nil, "", err
	}
	private := base64.StdEncoding.EncodeToString(append([]byte{keyEd25519}, seed...))
	signer, err = note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, keyHash(origin, keyEd25519, public), private))
	return signer, verifierKey, err
}

// keyHash is a key's id (C2SP signed-note, Signatures).
func keyHash(name string, kind byte, public ed25519.PublicKey) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"+string([]byte{kind})), public...))
	return binary.BigEndian.Uint32(sum[:])
}

// signers are the private halves of the keys that sign. A secret that makes another key than was published is refused: then
// the key store is another install's.
func signers(ctx context.Context, secrets Secrets, keys treehead.Keys) ([]note.Signer, error) {
	var list []note.Signer
	for _, key := range keys.Signing() {
		seed, err := secrets.Secret(ctx, secretName(key.Number))
		if err != nil {
			return nil, fmt.Errorf("read key %d of the transparency log: %w", key.Number, err)
		}
		signer, verifierKey, err := newSigner(keys.Origin(), seed)
		if err != nil {
			return nil, fmt.Errorf("key %d of the transparency log: %w", key.Number, err)
		}
		if verifierKey != key.VerifierKey {
			return nil, fmt.Errorf("key %d of the transparency log is %s, and the key store has %s: does it belong to another install?",
				key.Number, key.VerifierKey, verifierKey)
		}
		list = append(list, signer)
	}
	return list, nil
}
