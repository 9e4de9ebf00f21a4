package esdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// keyStreamPrefix begins the streams that hold the key store, one a key: the newest event is the wrapped key. They are
// the only ones that are ever deleted; the bytes go when the server is scavenged (docs/kurrentdb.md).
const keyStreamPrefix = "subjectkey-"

// The types of the events in them. A rewrapped key says in its metadata which event put it there first, so that it is
// told from another key that came after a delete.
const (
	keyPutType       = "SubjectKeyPut"
	keyRewrappedType = "SubjectKeyRewrapped"
)

func isKeyStream(stream string) bool { return strings.HasPrefix(stream, keyStreamPrefix) }

// wrappedKey is a key as it is stored.
type wrappedKey struct {
	wrapped  []byte
	revision eventstore.Revision
	// put is the revision of the event that put this key there.
	put eventstore.Revision
}

// keyMetadata is the metadata of a rewrapped key.
type keyMetadata struct {
	Put eventstore.Revision `json:"put"`
}

// readKey reads the newest event of the key's stream, ErrKeyNotFound if there is none.
func (s *Store) readKey(ctx context.Context, name string) (wrappedKey, error) {
	records, err := s.readOne(ctx, keyStreamPrefix+name, client.End{}, client.Backwards)
	if errors.Is(err, eventstore.ErrStreamNotFound) || err == nil && len(records) == 0 {
		return wrappedKey{}, fmt.Errorf("%w: %s", eventstore.ErrKeyNotFound, name)
	}
	if err != nil {
		return wrappedKey{}, err
	}
	rec := records[0]
	key := wrappedKey{wrapped: rec.Data, revision: rec.Revision, put: rec.Revision}
	if rec.Type == keyRewrappedType {
		var meta keyMetadata
		if err := json.Unmarshal(rec.Metadata, &meta); err != nil {
			return wrappedKey{}, fmt.Errorf("%w: metadata of key %s: %w", eventstore.ErrCorrupt, name, err)
		}
		key.put = meta.Put
	}
	return key, nil
}

// GetKey answers the wrapped key, or ErrKeyNotFound.
func (s *Store) GetKey(ctx context.Context, name string) ([]byte, error) {
	if err := checkKeyName(name); err != nil {
		return nil, err
	}
	key, err := s.readKey(ctx, name)
	return key.wrapped, err
}

// appendKey writes a wrapped key at the expected revision.
func (s *Store) appendKey(ctx context.Context, name string, expected eventstore.Revision, e client.EventData) error {
	e.EventID, e.ContentType = uuid.New(), client.ContentTypeBinary
	_, err := s.append(ctx, keyStreamPrefix+name, expected, []client.EventData{e})
	return err
}

// PutKeyIfAbsent stores the wrapped key unless one is there, and answers the one that is there now. It is durable when
// this returns.
func (s *Store) PutKeyIfAbsent(ctx context.Context, name string, wrapped []byte) ([]byte, error) {
	if err := checkKey(name, wrapped); err != nil {
		return nil, err
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	for {
		err := s.appendKey(ctx, name, eventstore.NoStream, client.EventData{EventType: keyPutType, Data: wrapped})
		if err == nil {
			return bytes.Clone(wrapped), nil
		}
		if !errors.Is(err, eventstore.ErrWrongRevision) {
			return nil, fmt.Errorf("put key %s: %w", name, err)
		}
		key, err := s.readKey(ctx, name)
		if !errors.Is(err, eventstore.ErrKeyNotFound) {
			return key.wrapped, err
		}
		// It was destroyed between the two.
		if err := s.usable(ctx); err != nil {
			return nil, err
		}
	}
}

// ReplaceKey swaps the wrapped key when it is still equal to old, durably. ErrWrongRevision when it is not,
// ErrKeyNotFound when there is none.
func (s *Store) ReplaceKey(ctx context.Context, name string, old, wrapped []byte) error {
	if err := checkKey(name, wrapped); err != nil {
		return err
	}
	if err := s.usable(ctx); err != nil {
		return err
	}
	there, err := s.readKey(ctx, name)
	if err != nil {
		return fmt.Errorf("replace key %s: %w", name, err)
	}
	if !bytes.Equal(there.wrapped, old) {
		return fmt.Errorf("replace key %s: %w: it is another one by now", name, eventstore.ErrWrongRevision)
	}
	meta, err := json.Marshal(keyMetadata{there.put})
	if err != nil {
		return err
	}
	err = s.appendKey(ctx, name, there.revision, client.EventData{EventType: keyRewrappedType, Data: wrapped, Metadata: meta})
	if err != nil {
		return fmt.Errorf("replace key %s: %w", name, err)
	}
	return nil
}

// DeleteKey destroys the key: it deletes the stream, at the revision that was read, so that a delete whose answer was
// lost and that is made again can't destroy a key that was put since. Missing is no error.
func (s *Store) DeleteKey(ctx context.Context, name string) error {
	if err := checkKeyName(name); err != nil {
		return err
	}
	if err := s.usable(ctx); err != nil {
		return err
	}
	stream := keyStreamPrefix + name
	key, err := s.readKey(ctx, name)
	for first := key; ; {
		switch {
		case errors.Is(err, eventstore.ErrKeyNotFound), err == nil && key.put != first.put:
			return nil // it is gone; what is there now, if anything, is another one
		case err != nil:
			return fmt.Errorf("destroy key %s: %w", name, err)
		}
		_, refusal := repeatable(ctx, s, func(ctx context.Context, l *link) (*client.DeleteResult, error) {
			return l.client.DeleteStream(ctx, stream, client.DeleteStreamOptions{ExpectedRevision: client.Revision(uint64(key.revision)), RequiresLeader: true})
		})
		if refusal == nil {
			return nil
		}
		if !errors.Is(refusal, eventstore.ErrWrongRevision) {
			return fmt.Errorf("destroy key %s: %w", name, refusal)
		}
		// It was rewrapped meanwhile, and goes all the same; or it was deleted, by ourselves even.
		refused := key.revision
		if key, err = s.readKey(ctx, name); err == nil && key.revision == refused {
			return fmt.Errorf("destroy key %s: %w", name, refusal)
		}
	}
}
