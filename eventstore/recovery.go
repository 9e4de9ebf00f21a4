package eventstore

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// InstallKeys begins the names of the install's own secrets in the key store.
const InstallKeys = "install-"

// Text is the master keys as ParseMasterKeys reads them, one a line. It is for the recovery bundle, which is encrypted,
// and the file that a recovery writes; nothing else may see it.
func (m MasterKeys) Text() string {
	var out strings.Builder
	for _, k := range m.keys {
		out.WriteString(base64.StdEncoding.EncodeToString(k.raw) + "\n")
	}
	return out.String()
}

// Format shows the ids of the keys, whatever the verb: a key never gets into a log by mistake.
func (m MasterKeys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "master keys %v", m.IDs()) }

// IDs are the ids of the keys, the current one first.
func (m MasterKeys) IDs() []string {
	ids := make([]string, len(m.keys))
	for i, k := range m.keys {
		ids[i] = fmt.Sprintf("%x", k.id)
	}
	return ids
}

// errPastSecrets ends the reading of secrets.
var errPastSecrets = errors.New("past the secrets")

// Secrets are the install's own secrets (derivation keys), opened, by the name that Secret knows them by. They are for the
// recovery bundle.
func (k *Keyring) Secrets(ctx context.Context) (map[string][]byte, error) {
	out := make(map[string][]byte)
	k.wrapping.RLock()
	defer k.wrapping.RUnlock()
	master := k.master.Load()
	err := k.store.EachKey(ctx, InstallKeys, func(name string, wrapped []byte) error {
		short, ok := strings.CutPrefix(name, InstallKeys)
		if !ok {
			return errPastSecrets // names come in their order
		}
		key, err := master.unwrap(name, wrapped)
		out[short] = key
		return err
	})
	if err != nil && !errors.Is(err, errPastSecrets) {
		return nil, fmt.Errorf("read the install's secrets: %w", err)
	}
	return out, nil
}

// PutSecretBack stores a secret that a recovery bundle holds, unless it is there: then it has to be the same one. put tells
// that it was missing.
func (k *Keyring) PutSecretBack(ctx context.Context, name string, key []byte) (put bool, err error) {
	if len(key) != keyBytes {
		return false, fmt.Errorf("%w: secret %s has %d bytes", ErrInvalid, name, len(key))
	}
	name = InstallKeys + name
	k.wrapping.RLock()
	defer k.wrapping.RUnlock()
	stored, err := k.store.GetKey(ctx, name)
	if errors.Is(err, ErrKeyNotFound) {
		var wrapped []byte
		if wrapped, err = k.master.Load().wrap(k.random, name, key); err != nil {
			return false, err
		}
		stored, err = k.store.PutKeyIfAbsent(ctx, name, wrapped)
		put = true
	}
	if err != nil {
		return false, fmt.Errorf("put secret %s back: %w", name, err)
	}
	there, err := k.master.Load().unwrap(name, stored)
	if err != nil {
		return false, err
	}
	if subtle.ConstantTimeCompare(there, key) != 1 {
		return false, fmt.Errorf("secret %s: the key store holds another one than the recovery bundle", name)
	}
	return put, nil
}
