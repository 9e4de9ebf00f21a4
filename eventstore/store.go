package eventstore

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Position is an event's place in the global order: strictly increasing, never reused. Zero is before the first event.
// On the embedded engine positions are 1, 2, 3 …; on EventStoreDB they are commit positions, which have gaps.
type Position uint64

// Revision is an event's place in its stream: 0, 1, 2 … without gaps.
type Revision int64

// Expectations that Append takes in place of an exact revision.
const (
	// NoStream expects that the stream has no event yet.
	NoStream Revision = -1
	// AnyRevision expects nothing. A retry with it is only as safe as the engine's memory of event ids: retried
	// appends carry an exact revision or NoStream.
	AnyRevision Revision = -2
)

// Limits that every engine holds, so that what one accepts the other accepts too.
const (
	// MaxAppendBytes bounds data, metadata and type names of one append together (EventStoreDB's own default).
	MaxAppendBytes = 1 << 20
	// MaxAppendEvents bounds the events of one append.
	MaxAppendEvents = 1000
	// MaxStreamNameBytes bounds a stream's name.
	MaxStreamNameBytes = 512
)

// LeasePrefix begins the names of streams that say which node does what (package lease). They are no facts about
// payments: engines that nodes share leave them out of ReadAll, Subscribe and Head; as streams they are like others.
const LeasePrefix = "lease-"

// NewEvent is an event that is to be appended. Data and Metadata are JSON and kept byte for byte.
type NewEvent struct {
	ID       uuid.UUID
	Type     string
	Data     []byte
	Metadata []byte
}

// Record is an event as the store holds it.
type Record struct {
	Position Position
	Stream   string
	Revision Revision
	ID       uuid.UUID
	Type     string
	Data     []byte
	Metadata []byte
	// RecordedAt is the store's own clock at the append, UTC.
	RecordedAt time.Time
}

// Appended tells where the last event of an append stands.
type Appended struct {
	Revision Revision
	Position Position
	// Repeated is true when the events were there already, from an earlier append with the same ids.
	Repeated bool
}

// Direction is the way a read goes.
type Direction int

// The directions of a read.
const (
	Forward Direction = iota
	Backward
)

// End is the revision and position to read backward from when the newest is wanted.
const (
	EndRevision Revision = 1<<63 - 1
	EndPosition Position = 1<<64 - 1
)

// Store is the contract between Kipay and an event store. storetest holds what every engine must do.
//
// Errors: ErrWrongRevision (as *WrongRevisionError), ErrStreamNotFound, ErrUnavailable, ErrTooLarge, ErrInvalid,
// ErrClosed, or the context's own. After an error other than ErrWrongRevision, ErrTooLarge and ErrInvalid the outcome
// of an append is unknown: it may be repeated with the same event ids at the same exact revision, and happens once.
type Store interface {
	// Append writes the events to the stream, all or none, and returns when they are durable. An append whose event
	// ids already stand in the stream at the expected place is answered like the first time (Repeated).
	// With an empty events it checks the expectation and writes nothing.
	Append(ctx context.Context, stream string, expected Revision, events ...NewEvent) (Appended, error)

	// ReadStream returns up to limit events of the stream, starting with the one at from (inclusive) in direction dir.
	// Fewer come only where the stream ends; past either end none. ErrStreamNotFound if the stream has no events.
	ReadStream(ctx context.Context, stream string, from Revision, dir Direction, limit int) ([]Record, error)

	// ReadAll returns up to limit events of the global order. Forward it starts with the first event after from
	// (exclusive, so that the last position read resumes it); backward with the newest one at or before from.
	ReadAll(ctx context.Context, from Position, dir Direction, limit int) ([]Record, error)

	// Subscribe delivers every event after from (exclusive), in order, without gap or repetition, for as long as ctx
	// lives, reading on from disk however far the subscriber is behind. It never holds writers up.
	Subscribe(ctx context.Context, from Position) (Subscription, error)

	// Head is the position of the newest durable event, zero in an empty store.
	Head(ctx context.Context) (Position, error)

	// Close stops the engine; what was acknowledged is durable already. Calls after it answer ErrClosed.
	Close() error
}

// Subscription is a running subscription. One goroutine at a time may call Next.
type Subscription interface {
	// Next waits for the next batch. It returns at least one record, or CaughtUp when the subscriber has seen all that
	// was durable at that moment (once each time it goes live), or an error: the context's, ErrClosed after Close or
	// when the store closed, ErrUnavailable when the connection was lost for good.
	Next(ctx context.Context) (Batch, error)
	// Close ends the subscription and frees what it holds. It may be called more than once, from any goroutine.
	Close() error
}

// Batch is what a subscription delivers at once, bounded in bytes and count by the engine.
type Batch struct {
	Records []Record
	// CaughtUp tells that, with Records handled, nothing older than the present is left to come.
	CaughtUp bool
	// Checkpoint is the position that may be stored once Records are handled: everything at or before it has been seen.
	Checkpoint Position
}
