package eventstore

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	keyBytes      = 32
	masterIDBytes = 8
	wrapVersion   = 1
	// openKeys bounds the data keys held open in memory; one is about 1 KiB.
	openKeys = 1 << 14
)

// ErrErased: the data key is destroyed; what it sealed can't be opened by anyone.
var ErrErased = errors.New("data key destroyed")

// MasterKeys wrap the data keys. The first is the current one; the others only open what was wrapped before a rotation.
type MasterKeys struct{ keys []masterKey }

type masterKey struct {
	id   [masterIDBytes]byte
	raw  []byte // for Text
	aead cipher.AEAD
}

// ParseMasterKeys reads KIPAY_MASTER_KEY: keys of 32 bytes in base64, the current one first, separated by commas or white
// space. Errors never quote the text.
func ParseMasterKeys(text string) (MasterKeys, error) {
	var out MasterKeys
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
	for i, f := range fields {
		raw, err := base64.StdEncoding.DecodeString(f)
		if err != nil {
			raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(f, "="))
		}
		if err != nil || len(raw) != keyBytes {
			return MasterKeys{}, fmt.Errorf("master key %d of %d must be %d bytes in base64 (make one with: openssl rand -base64 32)", i+1, len(fields), keyBytes)
		}
		k, err := newMasterKey(raw)
		if err != nil {
			return MasterKeys{}, err
		}
		out.keys = append(out.keys, k)
	}
	if len(out.keys) == 0 {
		return MasterKeys{}, errors.New("master key is empty")
	}
	return out, nil
}

func newMasterKey(raw []byte) (masterKey, error) {
	aead, err := newGCM(raw)
	if err != nil {
		return masterKey{}, err
	}
	k := masterKey{raw: raw, aead: aead}
	sum := sha256.Sum256(append([]byte("kipay master key id\x00"), raw...))
	copy(k.id[:], sum[:])
	return k, nil
}

func newGCM(raw []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("aes: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("gcm: %w", err)
	}
	return aead, nil
}

// CurrentID is the id of the key that wraps from now on, in hex. It tells nothing about the key.
func (m MasterKeys) CurrentID() string { return hex.EncodeToString(m.keys[0].id[:]) }

// Holds tells whether the key of that id is among them.
func (m MasterKeys) Holds(id string) bool {
	return slices.ContainsFunc(m.keys, func(k masterKey) bool { return hex.EncodeToString(k.id[:]) == id })
}

// wrap seals a data key: version, id of the master key, nonce, ciphertext. The name is bound to it.
func (m MasterKeys) wrap(random io.Reader, name string, key []byte) ([]byte, error) {
	k := m.keys[0]
	out := make([]byte, 1+masterIDBytes+k.aead.NonceSize(), 96)
	out[0] = wrapVersion
	copy(out[1:], k.id[:])
	nonce := out[1+masterIDBytes:]
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return k.aead.Seal(out, nonce, key, []byte(name)), nil
}

func (m MasterKeys) unwrap(name string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 1+masterIDBytes || wrapped[0] != wrapVersion {
		return nil, fmt.Errorf("wrapped key %s: unknown format", name)
	}
	id, rest := wrapped[1:1+masterIDBytes], wrapped[1+masterIDBytes:]
	for _, k := range m.keys {
		if string(k.id[:]) != string(id) {
			continue
		}
		n := k.aead.NonceSize()
		if len(rest) < n {
			return nil, fmt.Errorf("wrapped key %s: cut short", name)
		}
		key, err := k.aead.Open(nil, rest[:n], rest[n:], []byte(name))
		if err != nil {
			return nil, fmt.Errorf("wrapped key %s: altered, or the master key is another one", name)
		}
		return key, nil
	}
	return nil, fmt.Errorf("wrapped key %s needs master key %x, which KIPAY_MASTER_KEY does not hold (has %s)", name, id, m.CurrentID())
}

// Seal seals any bytes under the current master key, bound to the name. It is for what has no data key: the spool of notices.
func (m MasterKeys) Seal(random io.Reader, name string, plain []byte) ([]byte, error) {
	return m.wrap(random, name, plain)
}

// Open opens what Seal sealed, under the same name.
func (m MasterKeys) Open(name string, sealed []byte) ([]byte, error) { return m.unwrap(name, sealed) }

// dataKey is an opened data key.
type dataKey struct {
	id   string // tells it from the subject's earlier keys, and nothing else about it
	aead cipher.AEAD
}

// dataKeyIDBytes is enough to tell the few keys of one subject apart.
const dataKeyIDBytes = 8

func newDataKey(raw []byte) (dataKey, error) {
	aead, err := newGCM(raw)
	if err != nil {
		return dataKey{}, err
	}
	sum := sha256.Sum256(append([]byte("kipay data key id\x00"), raw...))
	return dataKey{id: hex.EncodeToString(sum[:dataKeyIDBytes]), aead: aead}, nil
}

// Keyring hands out data keys by name: it makes, wraps, caches and unwraps them.
type Keyring struct {
	store  KeyStore
	random io.Reader
	master atomic.Pointer[MasterKeys]
	open   *lru.Cache[string, dataKey]
	// wrapping is held for reading between the look at master and the end of what is done with it: who swaps the master
	// keys knows that nothing is stored under the ones before any more, and nothing read is still to be opened by them.
	wrapping sync.RWMutex
	// rotating is held during a rotation.
	rotating sync.Mutex
}

// NewKeyring is a keyring over the store. random is the source of keys and nonces, crypto/rand.Reader but in tests.
func NewKeyring(store KeyStore, master MasterKeys, random io.Reader) *Keyring {
	open, err := lru.New[string, dataKey](openKeys)
	if err != nil {
		panic(err) // only for a size below one
	}
	k := &Keyring{store: store, random: random, open: open}
	k.master.Store(&master)
	return k
}

// sealing answers the data key of the name, making it when there is none.
func (k *Keyring) sealing(ctx context.Context, name string) (dataKey, error) {
	key, err := k.opening(ctx, name)
	if !errors.Is(err, ErrErased) {
		return key, err
	}
	raw := make([]byte, keyBytes)
	if _, err := io.ReadFull(k.random, raw); err != nil {
		return dataKey{}, fmt.Errorf("read randomness: %w", err)
	}
	k.wrapping.RLock()
	defer k.wrapping.RUnlock()
	wrapped, err := k.master.Load().wrap(k.random, name, raw)
	if err != nil {
		return dataKey{}, err
	}
	stored, err := k.store.PutKeyIfAbsent(ctx, name, wrapped)
	if err != nil {
		return dataKey{}, fmt.Errorf("store data key %s: %w", name, err)
	}
	return k.admit(name, stored)
}

// opening answers the data key of the name, ErrErased if there is none.
func (k *Keyring) opening(ctx context.Context, name string) (dataKey, error) {
	if key, ok := k.open.Get(name); ok {
		return key, nil
	}
	k.wrapping.RLock()
	defer k.wrapping.RUnlock()
	wrapped, err := k.store.GetKey(ctx, name)
	if errors.Is(err, ErrKeyNotFound) {
		return dataKey{}, fmt.Errorf("%w: %s", ErrErased, name)
	}
	if err != nil {
		return dataKey{}, fmt.Errorf("read data key %s: %w", name, err)
	}
	return k.admit(name, wrapped)
}

// admit unwraps a key and keeps it open. The caller holds wrapping.
func (k *Keyring) admit(name string, wrapped []byte) (dataKey, error) {
	raw, err := k.master.Load().unwrap(name, wrapped)
	if err != nil {
		return dataKey{}, err
	}
	key, err := newDataKey(raw)
	if err != nil {
		return dataKey{}, err
	}
	k.open.Add(name, key)
	return key, nil
}

// Destroy destroys the data key of a name, for good: what it sealed can't be opened by anyone. A key that isn't there is none.
func (k *Keyring) Destroy(ctx context.Context, name string) error {
	if strings.HasPrefix(name, InstallKeys) {
		return fmt.Errorf("%w: %s is a key of the install", ErrInvalid, name)
	}
	if err := k.store.DeleteKey(ctx, name); err != nil {
		return fmt.Errorf("destroy data key %s: %w", name, err)
	}
	k.Forget(name)
	return nil
}

// Forget drops the opened key of a name, after its destruction elsewhere.
func (k *Keyring) Forget(name string) { k.open.Remove(name) }

// Secret answers the install's own secret of that name (a derivation key), 32 bytes, making it on the first use. It is
// never rotated; only its wrapping is.
func (k *Keyring) Secret(ctx context.Context, name string) ([]byte, error) {
	name = InstallKeys + name
	k.wrapping.RLock()
	defer k.wrapping.RUnlock()
	wrapped, err := k.store.GetKey(ctx, name)
	if errors.Is(err, ErrKeyNotFound) {
		key := make([]byte, keyBytes)
		if _, err := io.ReadFull(k.random, key); err != nil {
			return nil, fmt.Errorf("read randomness: %w", err)
		}
		fresh, err := k.master.Load().wrap(k.random, name, key)
		if err != nil {
			return nil, err
		}
		wrapped, err = k.store.PutKeyIfAbsent(ctx, name, fresh)
		if err != nil {
			return nil, fmt.Errorf("store secret %s: %w", name, err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return k.master.Load().unwrap(name, wrapped)
}

// KnownSecret answers a secret that Secret has made before. Errors: ErrKeyNotFound when the key store lacks it: one that others
// know the public half of must not be made anew.
func (k *Keyring) KnownSecret(ctx context.Context, name string) ([]byte, error) {
	name = InstallKeys + name
	k.wrapping.RLock()
	defer k.wrapping.RUnlock()
	wrapped, err := k.store.GetKey(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return k.master.Load().unwrap(name, wrapped)
}

// BeginRotation makes the caller the only one who rotates until it calls end. Two rotations at once would each drop a
// master key that the other has wrapped keys under.
func (k *Keyring) BeginRotation() (end func(), err error) {
	if !k.rotating.TryLock() {
		return nil, errors.New("the master key is being rotated already; wait for that to end")
	}
	return k.rotating.Unlock, nil
}

// UseMaster swaps the master keys, for a rotation in a running process. When it returns nothing is wrapped or opened
// with the ones before any more.
func (k *Keyring) UseMaster(m MasterKeys) {
	k.wrapping.Lock()
	defer k.wrapping.Unlock()
	k.master.Store(&m)
}

// CheckKeys calls report for every key that these master keys do not open, with the reason, until report fails.
func (k *Keyring) CheckKeys(ctx context.Context, m MasterKeys, report func(error) error) error {
	return k.store.EachKey(ctx, "", func(name string, wrapped []byte) error {
		raw, err := m.unwrap(name, wrapped)
		clear(raw)
		if err != nil {
			return report(err)
		}
		return nil
	})
}

// Master are the master keys in use.
func (k *Keyring) Master() MasterKeys { return *k.master.Load() }

// Rewrap wraps every key that another master key wrapped under the current one; progress is called with the keys looked
// at and rewrapped so far. It may be cut off and run again.
func (k *Keyring) Rewrap(ctx context.Context, progress func(seen, rewrapped int)) error {
	master := k.master.Load()
	current := master.keys[0].id[:]
	seen, done := 0, 0
	return k.store.EachKey(ctx, "", func(name string, wrapped []byte) error {
		seen++
		if len(wrapped) > 1+masterIDBytes && string(wrapped[1:1+masterIDBytes]) == string(current) {
			progress(seen, done)
			return nil
		}
		key, err := master.unwrap(name, wrapped)
		if err != nil {
			return err
		}
		fresh, err := master.wrap(k.random, name, key)
		if err != nil {
			return err
		}
		// A key destroyed or rewrapped meanwhile is no failure.
		if err := k.store.ReplaceKey(ctx, name, wrapped, fresh); err != nil && !errors.Is(err, ErrWrongRevision) && !errors.Is(err, ErrKeyNotFound) {
			return fmt.Errorf("rewrap %s: %w", name, err)
		}
		done++
		progress(seen, done)
		return nil
	})
}
