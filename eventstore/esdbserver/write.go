package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// expectation is what a client expects of a stream before a write.
type expectation struct {
	kind expectedKind
	// revision counts when kind is exactRevision.
	revision eventstore.Revision
}

type expectedKind int

const (
	exactRevision expectedKind = iota
	noStream
	anyRevision
	streamExists
)

// noRevision is the revision that stands for "no stream" where the protocol has a number.
const noRevision = math.MaxUint64

// exactly is the expectation of a revision as it is on the wire.
func exactly(revision uint64) (expectation, error) {
	if revision == noRevision {
		return expectation{kind: noStream}, nil
	}
	if revision > math.MaxInt64 {
		return expectation{}, fmt.Errorf("%w: expected revision %d", eventstore.ErrInvalid, revision)
	}
	return expectation{exactRevision, eventstore.Revision(revision)}, nil
}

// number is the expectation as trailers have it.
func (e expectation) number() int64 {
	switch e.kind {
	case noStream:
		return -1
	case anyRevision:
		return -2
	case streamExists:
		return -4
	default:
		return int64(e.revision)
	}
}

// contract is the expectation in the words of the store's contract.
func (e expectation) contract() eventstore.Revision {
	switch e.kind {
	case noStream:
		return eventstore.NoStream
	case anyRevision, streamExists:
		return eventstore.AnyRevision
	default:
		return e.revision
	}
}

// proposal is one append: all of its events, or none.
type proposal struct {
	stream   string
	expected expectation
	events   []eventstore.NewEvent
	// bytes counts as EventStoreDB does. Beyond the limits events are no longer kept.
	bytes, count int
}

// proposedMessage is an event on its way in; Append and BatchAppend have a type of their own for it.
type proposedMessage interface {
	GetId() *shared.UUID
	GetMetadata() map[string]string
	GetCustomMetadata() []byte
	GetData() []byte
}

// add takes an event into the proposal. What is too much is counted and dropped, so that the rest of the request can be
// read before it is refused.
func (p *proposal) add(in proposedMessage) error {
	name, ok := in.GetMetadata()["type"]
	if !ok {
		return missingMetadataError{"type"}
	}
	content, ok := in.GetMetadata()["content-type"]
	if !ok {
		return missingMetadataError{"content-type"}
	}
	id, err := parseID(in.GetId())
	if err != nil {
		return err
	}
	p.count++
	p.bytes += len(name) + len(in.GetData()) + len(in.GetCustomMetadata())
	if p.tooLarge() {
		p.events = nil
		return nil
	}
	p.events = append(p.events, eventstore.NewEvent{ID: id, Type: markType(name, content), Data: in.GetData(), Metadata: in.GetCustomMetadata()})
	return nil
}

func (p *proposal) tooLarge() bool {
	return p.count > eventstore.MaxAppendEvents || p.bytes > eventstore.MaxAppendBytes
}

// outcome is the answer to an append that was no error.
type outcome struct {
	// revision and position are those of the last event written, or of the stream's when nothing was; revision is
	// NoStream while the stream has none.
	revision eventstore.Revision
	position eventstore.Position
	// wrong tells that the stream is at another revision than expected: at revision.
	wrong bool
}

// write carries out a proposal.
func (s *streams) write(ctx context.Context, p *proposal) (outcome, error) {
	switch {
	case p.tooLarge():
		return outcome{}, fmt.Errorf("%w: %d events of %d bytes together; at most %d events and %d bytes", eventstore.ErrTooLarge,
			p.count, p.bytes, eventstore.MaxAppendEvents, eventstore.MaxAppendBytes)
	case strings.HasPrefix(p.stream, "$"):
		return outcome{}, errNoSystemStreams
	case isSubjectKey(p.stream):
		return s.keys.write(ctx, p)
	}
	return s.append(ctx, p.stream, p.expected, p.events)
}

// begins tells that the store alone decides about the proposal, which may then be handed to it at once.
func (p *proposal) begins() bool {
	return !p.tooLarge() && !strings.HasPrefix(p.stream, "$") && !isSubjectKey(p.stream) && p.expected.kind != streamExists
}

// append carries out an append to a stream that was never deleted.
func (s *streams) append(ctx context.Context, stream string, expected expectation, events []eventstore.NewEvent) (outcome, error) {
	if expected.kind == streamExists {
		_, err := s.store.ReadStream(ctx, stream, eventstore.EndRevision, eventstore.Backward, 1)
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return outcome{wrong: true, revision: eventstore.NoStream}, nil
		}
		if err != nil {
			return outcome{}, err
		}
	}
	done, err := s.store.Append(ctx, stream, expected.contract(), events...)
	return s.outcome(ctx, done, err)
}

// outcome is what the store's answer to an append means.
func (s *streams) outcome(ctx context.Context, done eventstore.Appended, err error) (outcome, error) {
	var wrong *eventstore.WrongRevisionError
	if errors.As(err, &wrong) {
		return outcome{wrong: true, revision: wrong.Actual}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	if done.Position == 0 { // nothing written, to a stream without events; clients want a position all the same
		if done.Position, err = s.store.Head(ctx); err != nil {
			return outcome{}, err
		}
	}
	return outcome{revision: done.Revision, position: done.Position}, nil
}

// streamName is the name in an identifier.
func streamName(id *shared.StreamIdentifier) (string, error) {
	name := string(id.GetStreamName())
	if name == "" || name == "$$" {
		return "", fmt.Errorf("%w: the stream has no name", eventstore.ErrInvalid)
	}
	return name, nil
}

// newest is the stream's newest event, and false when it has none.
func (s *streams) newest(ctx context.Context, stream string) (eventstore.Record, bool, error) {
	records, err := s.store.ReadStream(ctx, stream, eventstore.EndRevision, eventstore.Backward, 1)
	if errors.Is(err, eventstore.ErrStreamNotFound) || err == nil && len(records) == 0 {
		return eventstore.Record{ID: uuid.Nil, Revision: eventstore.NoStream}, false, nil
	}
	if err != nil {
		return eventstore.Record{}, false, err
	}
	return records[0], true, nil
}
