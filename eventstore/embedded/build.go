package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// Builder writes a new folder from records, keys and erasures that were read elsewhere: a restore. Nothing of it may be
// served before Close has returned without an error.
type Builder struct {
	dir    string
	lock   *ownerLock
	db     *pebble.DB
	opts   *pebble.Options
	batch  *pebble.Batch
	next   eventstore.Position
	erased uint64
}

// buildBatchBytes is after how many bytes what was read is handed to Pebble.
const buildBatchBytes = 4 << 20

// Build begins a folder, which must be missing or empty. The new store has an id of its own: what is appended to it later is
// another history than what the one that was backed up went on with.
func Build(dir string, options Options, from Origin) (*Builder, error) {
	options = options.withDefaults()
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%w: %s is not empty", eventstore.ErrInvalid, dir)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	opts := pebbleOptions(options)
	opts.DisableWAL = true // nothing is acknowledged before the end, and then everything is in tables
	opts.Logger = buildLogger{options.Logf}
	b := &Builder{dir: dir, lock: lock, opts: opts, next: 1}
	if b.db, err = pebble.Open(dir, opts); err != nil {
		opts.Cache.Unref()
		return nil, errors.Join(openError(dir, err), lock.Close())
	}
	b.batch = b.db.NewBatch()
	text, err := json.Marshal(meta{
		Format: formatVersion, ID: uuid.New(), Created: options.Now().UTC().Truncate(time.Second), Restored: &from,
	})
	if err == nil {
		err = b.set(aboutKey(), text)
	}
	if err != nil {
		return nil, errors.Join(err, b.Abandon())
	}
	return b, nil
}

func (b *Builder) set(key, value []byte) error {
	if err := b.batch.Set(key, value, nil); err != nil {
		return err
	}
	if b.batch.Len() < buildBatchBytes {
		return nil
	}
	return b.apply()
}

func (b *Builder) apply() error {
	if err := b.db.Apply(b.batch, pebble.NoSync); err != nil {
		return fmt.Errorf("%w: write %s: %s: %w", eventstore.ErrUnavailable, b.dir, reason("write", err), err)
	}
	b.batch.Reset()
	return nil
}

// AddRecord adds the next event, as EachRecord gave it. ErrCorrupt unless it is the next one, and sound.
func (b *Builder) AddRecord(raw []byte) error {
	rec, err := decodeRecord(raw)
	if err != nil {
		return fmt.Errorf("position %d: %w", b.next, err)
	}
	if rec.Position != b.next {
		return fmt.Errorf("%w: position %d follows %d", eventstore.ErrCorrupt, rec.Position, b.next-1)
	}
	b.next++
	if err := b.set(logKey(rec.Position), raw); err != nil {
		return err
	}
	return b.set(appendStreamKey(nil, rec.Stream, rec.Revision), binary.BigEndian.AppendUint64(nil, uint64(rec.Position)))
}

// SetKey adds a wrapped key, or replaces it.
func (b *Builder) SetKey(name string, wrapped []byte) error {
	if err := checkKey(name, wrapped); err != nil {
		return fmt.Errorf("%w: %w", eventstore.ErrCorrupt, err)
	}
	return b.set(keyKey(name), wrapped)
}

// AddErasure adds a line to the list of destroyed keys.
func (b *Builder) AddErasure(e Erasure) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	b.erased++
	return b.set(erasureKey(b.erased), text)
}

// Close makes everything durable.
func (b *Builder) Close() error {
	err := b.apply()
	if err == nil {
		if err = b.db.Flush(); err != nil {
			err = fmt.Errorf("%w: write %s: %s: %w", eventstore.ErrUnavailable, b.dir, reason("flush", err), err)
		}
	}
	return errors.Join(err, b.Abandon(), syncFolder(b.dir))
}

// Abandon ends a build that does not become a store.
func (b *Builder) Abandon() error {
	err := errors.Join(b.batch.Close(), b.db.Close())
	b.opts.Cache.Unref()
	return errors.Join(err, b.lock.Close())
}

// buildLogger passes on what matters of what Pebble logs during a build.
type buildLogger struct {
	logf func(format string, args ...any)
}

// Infof drops Pebble's diary.
func (buildLogger) Infof(string, ...any) {}

// Errorf passes an error on.
func (l buildLogger) Errorf(format string, args ...any) { l.logf("pebble: "+format, args...) }

// Fatalf ends the build with a panic: there is nothing to save.
func (l buildLogger) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("pebble: "+format, args...))
}
