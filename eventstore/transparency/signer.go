package transparency

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

// Secrets keep the private halves of the keys: the install's key ring. Secret makes a secret of 32 bytes at its first use,
// KnownSecret never does: a key that was published and is lost has to come back from a recovery bundle, and what was made in
// its place would stand in the way of that.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
	KnownSecret(ctx context.Context, name string) ([]byte, error)
}

// seedNames begins the names of the secrets that are the seeds of keys.
const seedNames = "transparency-"

// secretName is the name of the secret that is the seed of key number n.
func secretName(n int) string { return seedNames + strconv.Itoa(n) }

// IsSigningSecret tells whether the name is that of a secret that heads are signed with.
func IsSigningSecret(name string) bool { return strings.HasPrefix(name, seedNames) }

// EnsureSecrets has the secrets of all keys that were published, and that of the first one where none is yet, so that a copy of the
// secrets that is made now is enough to go on signing. It answers the numbers of those that the key store has lost.
func EnsureSecrets(ctx context.Context, secrets Secrets, keys treehead.Keys) (lost []int, err error) {
	if len(keys) == 0 {
		_, err := secrets.Secret(ctx, secretName(1))
		return nil, err
	}
	for _, key := range keys {
		_, err := secrets.KnownSecret(ctx, secretName(key.Number))
		switch {
		case errors.Is(err, eventstore.ErrKeyNotFound):
			lost = append(lost, key.Number)
		case err != nil:
			return nil, err
		}
	}
	return lost, nil
}

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
		seed, err := secrets.KnownSecret(ctx, secretName(key.Number))
		if errors.Is(err, eventstore.ErrKeyNotFound) {
			return nil, fmt.Errorf("the key store has lost key %d of the transparency log: kipay keys recover puts it back from a recovery bundle: %w", key.Number, err)
		}
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
