package embedded

import (
	"bytes"
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/benfex/kipay/eventstore"
)

// checkEvery is after how many events a long read looks whether its context has ended.
const checkEvery = 256

// ReadStream returns up to limit events of the stream, as the contract says. A negative from is past the stream's
// beginning.
func (s *Store) ReadStream(
	ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int,
) ([]eventstore.Record, error) {
	if err := s.beginRead(ctx, limit); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := checkStream(stream); err != nil {
		return nil, err
	}
	head := s.ring.Head()
	if from < 0 {
		return nil, s.exists(stream, head)
	}
	opts := &pebble.IterOptions{LowerBound: appendStreamKey(nil, stream, 0), UpperBound: appendStreamEnd(nil, stream)}
	if dir == eventstore.Backward && from < eventstore.EndRevision {
		opts.UpperBound = appendStreamKey(nil, stream, from+1)
	} else if dir == eventstore.Forward {
		opts.LowerBound = appendStreamKey(nil, stream, from)
	}
	positions, err := s.positions(ctx, stream, opts, dir, limit, head)
	if err != nil {
		return nil, err
	}
	if len(positions) == 0 {
		return nil, s.exists(stream, head)
	}
	records := make([]eventstore.Record, len(positions))
	for i, pos := range positions {
		if i%checkEvery == checkEvery-1 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if records[i], err = s.record(pos); err != nil {
			return nil, fmt.Errorf("stream %s: %w", stream, err)
		}
	}
	return records, nil
}

// positions reads where up to limit of the stream's events are, leaving out what is not durable yet.
func (s *Store) positions(ctx context.Context, stream string, opts *pebble.IterOptions, dir eventstore.Direction,
	limit int, head eventstore.Position,
) ([]eventstore.Position, error) {
	iter, err := s.db.NewIterWithContext(ctx, opts)
	if err != nil {
		return nil, readError("read stream "+stream, err)
	}
	step, valid := iter.Next, iter.First
	if dir == eventstore.Backward {
		step, valid = iter.Prev, iter.Last
	}
	var found []eventstore.Position
	for ok := valid(); ok && len(found) < limit; ok = step() {
		pos, fits := positionIn(iter.Value())
		if !fits {
			err = fmt.Errorf("%w: index entry %x holds %x", eventstore.ErrCorrupt, iter.Key(), iter.Value())
			break
		}
		if pos <= head {
			found = append(found, pos)
		} else if dir == eventstore.Forward {
			break
		}
		if len(found)%checkEvery == checkEvery-1 && ctx.Err() != nil {
			err = ctx.Err()
			break
		}
	}
	if closeErr := iter.Close(); err == nil {
		err = readError("read stream "+stream, closeErr)
	}
	return found, err
}

// exists is ErrStreamNotFound when the stream has no durable event.
func (s *Store) exists(stream string, head eventstore.Position) error {
	value, found, err := s.get(appendStreamKey(nil, stream, 0), nil)
	if err != nil {
		return err
	}
	if pos, ok := positionIn(value); !found || !ok || pos > head {
		return fmt.Errorf("%w: %s", eventstore.ErrStreamNotFound, stream)
	}
	return nil
}

// ReadAll returns up to limit events of the global order, as the contract says.
func (s *Store) ReadAll(
	ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int,
) ([]eventstore.Record, error) {
	if err := s.beginRead(ctx, limit); err != nil {
		return nil, err
	}
	defer s.leave()
	head := s.ring.Head()
	if dir == eventstore.Forward {
		if from >= head {
			return nil, nil
		}
		return s.scan(ctx, from+1, head, dir, limit, nil)
	}
	return s.scan(ctx, 1, min(from, head), dir, limit, nil)
}

// readChunk reads events for a subscription from disk: those from first to last, within the bounds of one batch.
func (s *Store) readChunk(ctx context.Context, first, last eventstore.Position) ([]eventstore.Record, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	bytes := 0
	return s.scan(ctx, first, last, eventstore.Forward, maxBatchEvents, func(rec *eventstore.Record) bool {
		bytes += sizeInMemory(rec)
		return bytes < maxBatchBytes
	})
}

// scan reads up to limit records between first and last, both inclusive, until more says that it is enough. That none
// is missing is checked as they are read.
func (s *Store) scan(ctx context.Context, first, last eventstore.Position, dir eventstore.Direction, limit int,
	more func(*eventstore.Record) bool,
) ([]eventstore.Record, error) {
	if first > last {
		return nil, nil
	}
	iter, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: logKey(first), UpperBound: logKey(last + 1)})
	if err != nil {
		return nil, readError("read the log", err)
	}
	count := int(min(uint64(last-first+1), uint64(limit)))
	records := make([]eventstore.Record, 0, count)
	step, ok, want := iter.Next, false, first
	if dir == eventstore.Backward {
		step, want = iter.Prev, last
		ok = iter.Last()
	} else {
		ok = iter.First()
	}
	for ; ok && len(records) < count; ok = step() {
		var rec eventstore.Record
		if rec, err = recordAt(iter.Key(), iter.Value(), want); err != nil {
			break
		}
		records = append(records, rec)
		if more != nil && !more(&records[len(records)-1]) {
			count = len(records)
		}
		if dir == eventstore.Backward {
			want--
		} else {
			want++
		}
		if len(records)%checkEvery == 0 && ctx.Err() != nil {
			err = ctx.Err()
			break
		}
	}
	if closeErr := iter.Close(); err == nil && closeErr != nil {
		err = readError("read the log", closeErr)
	}
	if err == nil && len(records) < count {
		err = fmt.Errorf("%w: position %d is missing from the log", eventstore.ErrCorrupt, want)
	}
	if err != nil {
		return nil, err
	}
	return records, nil
}

// recordAt decodes one entry of the log, which has to be the one at want. The result owns its memory.
func recordAt(key, value []byte, want eventstore.Position) (eventstore.Record, error) {
	pos, ok := positionOf(key)
	if !ok || pos != want {
		return eventstore.Record{}, fmt.Errorf("%w: position %d is missing from the log, the next key is %x",
			eventstore.ErrCorrupt, want, key)
	}
	rec, err := decodeRecord(bytes.Clone(value))
	if err != nil {
		return eventstore.Record{}, fmt.Errorf("position %d: %w", pos, err)
	}
	if rec.Position != pos {
		return eventstore.Record{}, fmt.Errorf("%w: the record at position %d says it is %d", eventstore.ErrCorrupt, pos, rec.Position)
	}
	return rec, nil
}

// beginRead checks a read's arguments and enters; the caller leaves when it answers no error.
func (s *Store) beginRead(ctx context.Context, limit int) error {
	if limit < 1 {
		return fmt.Errorf("%w: read with limit %d", eventstore.ErrInvalid, limit)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.enter()
}

// get reads one value and appends it to dst.
func (s *Store) get(key, dst []byte) (value []byte, found bool, err error) {
	raw, closer, err := s.db.Get(key)
	if err != nil {
		if err == pebble.ErrNotFound { //nolint:errorlint // Get answers this very value, and it is the common case
			return nil, false, nil
		}
		return nil, false, readError(fmt.Sprintf("read key %q", key), err)
	}
	value = append(dst, raw...)
	if err := closer.Close(); err != nil {
		return nil, false, readError(fmt.Sprintf("read key %q", key), err)
	}
	return value, true, nil
}

// indexed is the position that an index key points to; ErrCorrupt if it isn't there.
func (s *Store) indexed(key []byte) (eventstore.Position, error) {
	var memory [8]byte
	value, found, err := s.get(key, memory[:0])
	if err != nil {
		return 0, err
	}
	pos, ok := positionIn(value)
	if !found || !ok {
		return 0, fmt.Errorf("%w: index entry %q is missing or damaged", eventstore.ErrCorrupt, key)
	}
	return pos, nil
}

// record reads the record at pos; ErrCorrupt if it isn't there.
func (s *Store) record(pos eventstore.Position) (eventstore.Record, error) {
	var memory [logKeyBytes]byte
	putLogKey(memory[:], pos)
	raw, closer, err := s.db.Get(memory[:])
	if err != nil {
		if err == pebble.ErrNotFound { //nolint:errorlint // see get
			return eventstore.Record{}, fmt.Errorf("%w: position %d is missing from the log", eventstore.ErrCorrupt, pos)
		}
		return eventstore.Record{}, readError(fmt.Sprintf("read position %d", pos), err)
	}
	rec, err := recordAt(memory[:], raw, pos)
	if closeErr := closer.Close(); err == nil && closeErr != nil {
		err = readError(fmt.Sprintf("read position %d", pos), closeErr)
	}
	return rec, err
}
