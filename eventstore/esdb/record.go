package esdb

import (
	"math"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// hiddenStreams are the beginnings of the names of streams that are not shown among events of ours.
func hiddenStreams() []string { return []string{keyStreamPrefix, eventstore.LeasePrefix} }

// visible tells events of ours from those of EventStoreDB, of the key store and of leases. Users with the rights may write
// other types into streams of the system, and the system writes types of its own into streams of users: both names count.
func visible(e *client.RecordedEvent) bool {
	if strings.HasPrefix(e.EventType, "$") || strings.HasPrefix(e.StreamID, "$") {
		return false
	}
	return !isHidden(e.StreamID)
}

// isHidden tells that a stream is not shown among events of ours.
func isHidden(stream string) bool {
	for _, hidden := range hiddenStreams() {
		if strings.HasPrefix(stream, hidden) {
			return true
		}
	}
	return false
}

// visibleStreams is the expression that a server filters $all by: stream names that begin neither with $ nor like a hidden
// stream. It is spelled out letter by letter, because not every dialect can look ahead. No two hidden ones begin alike.
func visibleStreams() string {
	var first, rest strings.Builder
	for _, hidden := range hiddenStreams() {
		first.WriteString(hidden[:1])
		for i := 1; i < len(hidden); i++ {
			rest.WriteString(`|` + hidden[:i] + `([^` + hidden[i:i+1] + `]|$)`)
		}
	}
	return `^([^$` + first.String() + `]` + rest.String() + `)`
}

// recordOf is a recorded event in the contract's terms.
func recordOf(e *client.RecordedEvent) eventstore.Record {
	return eventstore.Record{
		Position: eventstore.Position(e.Position.Commit), Stream: e.StreamID, Revision: eventstore.Revision(e.EventNumber),
		ID: e.EventID, Type: e.EventType, Data: e.Data, Metadata: e.UserMetadata, RecordedAt: e.CreatedDate,
	}
}

// placeAt is the position on the wire: gRPC writes have no other than equal commit and prepare positions.
func placeAt(p eventstore.Position) client.AllPosition {
	if p == 0 {
		return client.Start{}
	}
	return client.Position{Commit: uint64(p), Prepare: uint64(p)}
}

// hasPosition is false for the two values by which servers say that they don't know an event's position.
func hasPosition(commit uint64) bool { return commit != 0 && commit != math.MaxUint64 }

// sizeInMemory is what a record counts for in bounds on memory.
func sizeInMemory(rec *eventstore.Record) int {
	const fixed = 256 // the struct itself and its share of allocation
	return fixed + len(rec.Stream) + len(rec.Type) + len(rec.Data) + len(rec.Metadata)
}
