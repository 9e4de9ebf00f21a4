package eventstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
)

// readChunk is how many events of a stream are read at once.
const readChunk = 256

// Log is a store seen through the codec: domain events in, domain events out.
type Log struct {
	store Store
	codec *Codec
	now   func() time.Time
	newID func() uuid.UUID
	// recent are the newest events appended here, so that who follows the log closely, or asks after what it has just begun,
	// need not have decoded and opened again what this process has encoded and sealed.
	recent [recentEvents]atomic.Pointer[recentEvent]
}

// recentEvents bounds how many appended events are remembered; one is about 1 KiB.
const recentEvents = 4096

// replaced is what the encoder writes for bytes that are no UTF-8. An event that holds some is not the same when it is
// read again, so only its reading will do.
var replaced = []byte(`\ufffd`)

// recentEvent is an event as Decode would answer it.
type recentEvent struct {
	id    uuid.UUID
	meta  Metadata
	event domain.Event
}

// NewLog is a log over the store. now and newID are injected: time.Now and uuid.New but in tests.
func NewLog(store Store, codec *Codec, now func() time.Time, newID func() uuid.UUID) *Log {
	return &Log{store: store, codec: codec, now: now, newID: newID}
}

// Store is the store below.
func (l *Log) Store() Store { return l.store }

// Now is the log's clock, UTC, in whole milliseconds as events carry it.
func (l *Log) Now() time.Time { return l.now().UTC().Truncate(time.Millisecond) }

// Append encodes and appends events, all or none, durable when it returns. An append whose outcome is unknown because
// the store was away for a moment is repeated once with the same ids at the same revision, so that it happens once.
func (l *Log) Append(ctx context.Context, stream string, expected Revision, meta Metadata, events ...domain.Event) (Appended, []uuid.UUID, error) {
	if meta.OccurredAt.IsZero() {
		meta.OccurredAt = l.Now()
	}
	var few [4]NewEvent
	encoded := few[:0]
	ids := make([]uuid.UUID, len(events))
	for i, e := range events {
		ids[i] = l.newID()
		ne, opened, err := l.codec.encode(ctx, ids[i], meta, e)
		if err != nil {
			return Appended{}, nil, err
		}
		encoded = append(encoded, ne)
		if !bytes.Contains(ne.Data, replaced) && !bytes.Contains(ne.Metadata, replaced) {
			l.slot(ids[i]).Store(&recentEvent{ids[i], opened, e})
		}
	}
	done, err := l.store.Append(ctx, stream, expected, encoded...)
	if errors.Is(err, ErrUnavailable) && expected != AnyRevision && ctx.Err() == nil {
		done, err = l.store.Append(ctx, stream, expected, encoded...)
	}
	if err != nil {
		return Appended{}, nil, fmt.Errorf("append %d events to %s at revision %d: %w", len(events), stream, expected, err)
	}
	return done, ids, nil
}

// EachInStream calls fn with every event of the stream from the revision on, oldest first, until fn fails. A stream
// without events is none.
func (l *Log) EachInStream(ctx context.Context, stream string, from Revision, fn func(Envelope) error) error {
	return l.EachInStreamOf(ctx, stream, from, func(string) bool { return true }, fn)
}

// EachInStreamOf is EachInStream for the types of event that are wanted; the others are not even decoded.
func (l *Log) EachInStreamOf(ctx context.Context, stream string, from Revision, wanted func(eventType string) bool, fn func(Envelope) error) error {
	for {
		records, err := l.store.ReadStream(ctx, stream, from, Forward, readChunk)
		if errors.Is(err, ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s from revision %d: %w", stream, from, err)
		}
		for _, r := range records {
			if !wanted(r.Type) {
				continue
			}
			env, err := l.Decode(ctx, r)
			if err != nil {
				return err
			}
			if err := fn(env); err != nil {
				return err
			}
		}
		if len(records) < readChunk {
			return nil
		}
		from = records[len(records)-1].Revision + 1
	}
}

// Decode decodes a record, as reads and subscriptions deliver them.
func (l *Log) Decode(ctx context.Context, r Record) (Envelope, error) {
	if known := l.slot(r.ID).Load(); known != nil && known.id == r.ID {
		return Envelope{
			Position: r.Position, Stream: r.Stream, Revision: r.Revision, ID: r.ID, RecordedAt: r.RecordedAt,
			Meta: known.meta, Event: known.event,
		}, nil
	}
	return l.codec.Decode(ctx, r)
}

// slot is where an event is remembered. Ids are random, so newer events push out older ones all over.
func (l *Log) slot(id uuid.UUID) *atomic.Pointer[recentEvent] {
	return &l.recent[binary.BigEndian.Uint16(id[14:])%recentEvents]
}

// ForgetKeys drops the opened keys of those names, and every event that is remembered opened, after the keys were destroyed.
func (l *Log) ForgetKeys(names ...string) {
	for _, name := range names {
		l.codec.ring.Forget(name)
	}
	l.ForgetRecent()
}

// ForgetRecent drops the events that are remembered opened, after a key was destroyed.
func (l *Log) ForgetRecent() {
	for i := range l.recent {
		l.recent[i].Store(nil)
	}
}
