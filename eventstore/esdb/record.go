package esdb

import (
	"math"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// visible tells events of ours from those of EventStoreDB and of the key store. Users with the rights may write other
// types into streams of the system, and the system writes types of its own into streams of users: both names count.
func visible(e *client.RecordedEvent) bool {
	return !strings.HasPrefix(e.EventType, "$") && !strings.HasPrefix(e.StreamID, "$") && !isKeyStream(e.StreamID)
}

// visibleStreams is the expression that a server filters $all by: stream names that begin neither with $ nor with
// subjectkey-. It is spelled out letter by letter, because not every dialect can look ahead.
func visibleStreams() string {
	var b strings.Builder
	b.WriteString(`^([^$` + keyStreamPrefix[:1] + `]`)
	for i := range keyStreamPrefix {
		begun, next := keyStreamPrefix[:i+1], ""
		if i+1 == len(keyStreamPrefix) {
			break
		}
		next = keyStreamPrefix[i+1 : i+2]
		b.WriteString(`|` + begun + `([^` + next + `]|$)`)
	}
	b.WriteString(`)`)
	return b.String()
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
