package esdbserver

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// structuredID is the id in the form that the Go client writes: two halves, big-endian, signed.
func structuredID(id uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

// parseID reads an id in either form.
func parseID(in *shared.UUID) (uuid.UUID, error) {
	switch v := in.GetValue().(type) {
	case *shared.UUID_Structured_:
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:8], uint64(v.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(id[8:], uint64(v.Structured.GetLeastSignificantBits()))
		return id, nil
	case *shared.UUID_String_:
		id, err := uuid.Parse(v.String_)
		if err != nil {
			return uuid.Nil, fmt.Errorf("%w: event id %q: %w", eventstore.ErrInvalid, v.String_, err)
		}
		return id, nil
	default:
		return uuid.Nil, fmt.Errorf("%w: a proposed event has no id", eventstore.ErrInvalid)
	}
}

// ticks is a time as EventStoreDB writes it: hundreds of nanoseconds since 1970. The Go client ends its process when
// it finds anything else.
func ticks(t time.Time) int64 { return t.UnixNano() / 100 }
