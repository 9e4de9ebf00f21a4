package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// The types of the events in a lease's stream.
const (
	typeTaken    = "LeaseTaken"
	typeRenewed  = "LeaseRenewed"
	typeReleased = "LeaseReleased"
)

// Stream is the stream of a role's lease.
func Stream(role string) string { return eventstore.LeasePrefix + role }

// holding is the data of every event in a lease's stream.
type holding struct {
	Role string    `json:"role"`
	Node string    `json:"node"`
	At   time.Time `json:"at"` // by the holder's clock, for people: nothing is decided by it
}

// register is the newest event of the stream.
type register struct {
	revision eventstore.Revision // NoStream when there is none
	node     string
	released bool
}

// read answers the newest event.
func (l *Lease) read(ctx context.Context) (register, error) {
	ctx, cancel := context.WithTimeout(ctx, l.TTL)
	defer cancel()
	newest, err := l.Store.ReadStream(ctx, Stream(l.Role), eventstore.EndRevision, eventstore.Backward, 1)
	if errors.Is(err, eventstore.ErrStreamNotFound) || (err == nil && len(newest) == 0) {
		return register{revision: eventstore.NoStream, released: true}, nil
	}
	if err != nil {
		return register{}, fmt.Errorf("lease of %s: %w", l.Role, err)
	}
	var h holding
	if err := json.Unmarshal(newest[0].Data, &h); err != nil {
		return register{}, fmt.Errorf("lease of %s, revision %d: %w", l.Role, newest[0].Revision, err)
	}
	return register{revision: newest[0].Revision, node: h.Node, released: newest[0].Type == typeReleased}, nil
}

// event is one of ours. It keeps its id, so that it can be appended again while nobody knows whether it was.
func (l *Lease) event(kind string) (eventstore.NewEvent, error) {
	data, err := json.Marshal(holding{Role: l.Role, Node: l.Node, At: l.Now().UTC()})
	return eventstore.NewEvent{ID: l.NewID(), Type: kind, Data: data, Metadata: []byte("{}")}, err
}

// append writes the event behind the revision.
func (l *Lease) append(ctx context.Context, after eventstore.Revision, e eventstore.NewEvent) (eventstore.Revision, error) {
	done, err := l.Store.Append(ctx, Stream(l.Role), after, e)
	if err != nil {
		return 0, fmt.Errorf("lease of %s: %w", l.Role, err)
	}
	return done.Revision, nil
}
