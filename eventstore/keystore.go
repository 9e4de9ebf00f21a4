package eventstore

import (
	"context"
	"errors"
)

// ErrKeyNotFound: the key store holds no key under that name, or it was destroyed.
var ErrKeyNotFound = errors.New("key not found")

// KeyStore keeps wrapped keys by name, apart from the log: the log is immutable, a key can be destroyed. It sees only
// what the master key has wrapped. Names are those of subjects (`customer-…`) and of the install's own keys
// (`install-…`).
type KeyStore interface {
	// GetKey answers the wrapped key, or ErrKeyNotFound.
	GetKey(ctx context.Context, name string) ([]byte, error)
	// PutKeyIfAbsent stores the wrapped key unless one is there, and answers the one that is there now. The key is
	// durable at the latest when the next Append that follows it is acknowledged.
	PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error)
	// ReplaceKey swaps the wrapped key when it is still equal to old, durably; ErrWrongRevision when it is not.
	ReplaceKey(ctx context.Context, name string, old, wrapped []byte) error
	// DeleteKey destroys the key, durably, its bytes on disk included as far as the engine can. Missing is no error.
	DeleteKey(ctx context.Context, name string) error
	// EachKey calls fn for every key in the order of names, starting after the name given, until fn fails.
	EachKey(ctx context.Context, after string, fn func(name string, wrapped []byte) error) error
}
