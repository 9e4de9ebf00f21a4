package projections

import (
	"unsafe"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
)

// eventColumns are rows of the table events: the log as it stands, with what is asked for often in columns of its own.
type eventColumns struct {
	*table
	position                                                    values[uint64]
	stream, kind, actor, correlation, causation, data, metadata values[string]
	mode                                                        values[string]
	revision, occurred, recorded, merchant                      values[int64]
	id                                                          values[uuid.UUID]
	version                                                     values[uint16]
}

func newEventColumns() *eventColumns {
	c := &eventColumns{
		position: values[uint64]{name: "position", sentAs: sentUInt64}, stream: values[string]{name: "stream", sentAs: sentString},
		revision: values[int64]{name: "revision", sentAs: sentInt64}, id: values[uuid.UUID]{name: "id", sentAs: sentUUID},
		kind: values[string]{name: "type", sentAs: sentString}, version: values[uint16]{name: "version", sentAs: sentUInt16},
		occurred: values[int64]{name: "occurred_at", sentAs: sentMillis}, recorded: values[int64]{name: "recorded_at", sentAs: sentMillis},
		actor: values[string]{name: "actor", sentAs: sentString}, merchant: values[int64]{name: "merchant_id", sentAs: sentInt64},
		correlation: values[string]{name: "correlation_id", sentAs: sentString}, causation: values[string]{name: "causation_id", sentAs: sentString},
		data: values[string]{name: "data", sentAs: sentString}, metadata: values[string]{name: "metadata", sentAs: sentString},
		mode: values[string]{name: "mode", sentAs: sentString},
	}
	c.table = newTable("events", &c.position, &c.stream, &c.revision, &c.id, &c.kind, &c.version, &c.occurred, &c.recorded, &c.actor,
		&c.merchant, &c.correlation, &c.causation, &c.data, &c.metadata, &c.mode)
	return c
}

func (c *eventColumns) add(r *eventstore.Record, m *eventstore.Metadata, mode domain.Mode) {
	c.position.add(uint64(r.Position))
	c.stream.add(r.Stream)
	c.revision.add(int64(r.Revision))
	c.id.add(r.ID)
	c.kind.add(r.Type)
	c.version.add(uint16(m.Version))
	c.occurred.add(millis(m.OccurredAt))
	c.recorded.add(millis(r.RecordedAt))
	c.actor.add(m.Actor)
	c.merchant.add(m.Merchant)
	c.correlation.add(m.CorrelationID)
	c.causation.add(m.CausationID)
	c.data.add(text(r.Data))
	c.metadata.add(text(r.Metadata))
	c.mode.add(string(mode))
}

// text is the bytes as a string without a copy. Records are never written to once they are delivered.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
