package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// formatVersion is the version of the folder's contents: keys, records, keyspaces. A higher one is refused.
const formatVersion = 1

// meta is what a folder says about itself, as JSON under one key.
type meta struct {
	Format  int       `json:"format"`
	ID      uuid.UUID `json:"id"`
	Created time.Time `json:"created"`
	// Restored is what a restored folder was restored from, nil in any other.
	Restored *Origin `json:"restored,omitempty"`
}

// Origin is a store at a position.
type Origin struct {
	Store    uuid.UUID           `json:"store"`
	Position eventstore.Position `json:"position"`
}

// loadMeta reads the folder's meta, or writes it when the folder is new.
func (s *Store) loadMeta() error {
	text, found, err := s.get(aboutKey(), nil)
	if err != nil {
		return err
	}
	if !found {
		return s.createMeta()
	}
	if err := json.Unmarshal(text, &s.meta); err != nil {
		return fmt.Errorf("%w: the folder's description of itself: %w", eventstore.ErrCorrupt, err)
	}
	if s.meta.Format > formatVersion {
		return fmt.Errorf("%w: event store folder %s has format %d, this Kipay knows up to %d: run the version that wrote it, or a newer one",
			eventstore.ErrUnavailable, s.dir, s.meta.Format, formatVersion)
	}
	return nil
}

func (s *Store) createMeta() error {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return readError("look into the folder", err)
	}
	empty := !iter.First()
	if err := iter.Close(); err != nil {
		return readError("look into the folder", err)
	}
	if !empty {
		return fmt.Errorf("%w: the folder %s holds a Pebble database that doesn't describe itself as an event store",
			eventstore.ErrCorrupt, s.dir)
	}
	s.meta = meta{Format: formatVersion, ID: uuid.New(), Created: s.options.Now().UTC().Truncate(time.Second)}
	text, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	batch := s.db.NewBatch()
	if err := errors.Join(batch.Set(aboutKey(), text, nil), s.db.ApplyNoSyncWait(batch, pebble.Sync)); err != nil {
		return fmt.Errorf("%w: create event store in %s: %w", eventstore.ErrUnavailable, s.dir, err)
	}
	if err := errors.Join(batch.SyncWait(), batch.Close()); err != nil {
		return fmt.Errorf("%w: create event store in %s: %s: %w", eventstore.ErrUnavailable, s.dir, reason("sync", err), err)
	}
	// Pebble begins a new folder's first log before it knows formatMajor: without a mark of how far it was synced.
	if err := s.db.Flush(); err != nil {
		return fmt.Errorf("%w: create event store in %s: %s: %w", eventstore.ErrUnavailable, s.dir, reason("flush", err), err)
	}
	return nil
}

// openError says what kept Pebble from opening the folder.
func openError(dir string, err error) error {
	switch {
	case errors.Is(err, eventstore.ErrCorrupt):
		return fmt.Errorf("event store folder %s: %w", dir, err)
	case pebble.IsCorruptionError(err), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: event store folder %s: %w", eventstore.ErrCorrupt, dir, err)
	default:
		return fmt.Errorf("%w: event store folder %s: %s: %w", eventstore.ErrUnavailable, dir, reason("open it", err), err)
	}
}
