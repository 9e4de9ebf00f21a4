package esdbserver

import (
	"context"
	"encoding/binary"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/benfex/kipay/eventstore"
)

// event is a recorded event as clients see it.
type event struct {
	eventstore.Record
	content string
}

// open is the event of a record: the type without its mark, and the payload where it is kept apart. It answers false
// for an event that is no longer there.
func (s *streams) open(ctx context.Context, rec eventstore.Record) (event, bool, error) {
	e := event{Record: rec}
	e.Type, e.content = unmarkType(rec.Type)
	if !isSubjectKey(rec.Stream) {
		return e, true, nil
	}
	there, err := s.keys.join(ctx, &e)
	return e, there, err
}

// eventMessage is a ReadResp with an event in it, encoded by hand: reads and subscriptions are made of these, and the
// generated code spends most of its time on the map of three entries. Fields are those of streams.proto.
type eventMessage struct {
	event event
	// ids are written as text, not in two halves.
	textIDs bool
}

// codec is gRPC's own, but for eventMessage.
type codec struct{ encoding.CodecV2 }

// Marshal encodes a message.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*eventMessage); ok {
		return m.marshal(), nil
	}
	return c.CodecV2.Marshal(v)
}

const (
	// fixedBytes is more than all that does not depend on the event: tags, lengths, numbers, keys of the map.
	fixedBytes  = 256
	uuidTextLen = 36
	varintHalf  = 10
)

func (m *eventMessage) marshal() mem.BufferSlice {
	e := &m.event
	pool := mem.DefaultBufferPool()
	buf := pool.Get(fixedBytes + uuidTextLen + len(e.Stream) + len(e.Type) + len(e.Data) + len(e.Metadata))
	out := m.appendTo((*buf)[:0])
	*buf = out
	return mem.BufferSlice{mem.NewBuffer(buf, pool)}
}

// appendTo appends the message. Lengths come before what they measure, so they are computed first.
func (m *eventMessage) appendTo(b []byte) []byte {
	e := &m.event
	var idMemory [2*varintHalf + 2]byte
	var createdMemory [20]byte
	id := appendID(idMemory[:0], e.ID, m.textIDs)
	idField := protowire.Number(1) // structured
	if m.textIDs {
		idField = 2
	}
	created := strconv.AppendInt(createdMemory[:0], ticks(e.RecordedAt), 10)
	pos := uint64(e.Position)

	idSize := sizeBytes(len(id))
	nameSize := sizeBytes(len(e.Stream))
	recorded := sizeBytes(idSize) + sizeBytes(nameSize) +
		1 + protowire.SizeVarint(uint64(e.Revision)) + 2*(1+protowire.SizeVarint(pos)) +
		sizeEntry("type", len(e.Type)) + sizeEntry("content-type", len(e.content)) + sizeEntry("created", len(created)) +
		sizeBytes(len(e.Metadata)) + sizeBytes(len(e.Data))
	read := sizeBytes(recorded) + 1 + protowire.SizeVarint(pos)

	b = appendLength(b, 1, read)     // ReadResp.event
	b = appendLength(b, 1, recorded) // ReadEvent.event
	b = appendLength(b, 1, idSize)   // id
	b = appendLength(b, idField, len(id))
	b = append(b, id...)
	b = appendLength(b, 2, nameSize) // stream_identifier
	b = appendLength(b, 3, len(e.Stream))
	b = append(b, e.Stream...)
	b = appendNumber(b, 3, uint64(e.Revision)) // stream_revision
	b = appendNumber(b, 4, pos)                // prepare_position
	b = appendNumber(b, 5, pos)                // commit_position
	b = appendEntry(b, "type", e.Type)
	b = appendEntry(b, "content-type", e.content)
	b = appendEntry(b, "created", created)
	b = appendLength(b, 7, len(e.Metadata)) // custom_metadata
	b = append(b, e.Metadata...)
	b = appendLength(b, 8, len(e.Data)) // data
	b = append(b, e.Data...)
	return appendNumber(b, 3, pos) // ReadEvent.commit_position
}

// appendID appends what is inside the oneof of a UUID.
func appendID(b []byte, id uuid.UUID, text bool) []byte {
	if text {
		return append(b, id.String()...)
	}
	b = appendNumber(b, 1, binary.BigEndian.Uint64(id[:8]))
	return appendNumber(b, 2, binary.BigEndian.Uint64(id[8:]))
}

// sizeBytes is the size of a field of so many bytes, with a tag of one byte.
func sizeBytes(n int) int { return 1 + protowire.SizeBytes(n) }

// sizeEntry is the size of an entry of the metadata.
func sizeEntry(key string, value int) int { return sizeBytes(sizeBytes(len(key)) + sizeBytes(value)) }

func appendLength(b []byte, field protowire.Number, n int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(n))
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// appendEntry appends an entry of RecordedEvent.metadata.
func appendEntry[T string | []byte](b []byte, key string, value T) []byte {
	b = appendLength(b, 6, sizeBytes(len(key))+sizeBytes(len(value)))
	b = append(appendLength(b, 1, len(key)), key...)
	return append(appendLength(b, 2, len(value)), value...)
}
