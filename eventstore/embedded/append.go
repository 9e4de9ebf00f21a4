package embedded

import (
	"context"

	"github.com/benfex/kipay/eventstore"
)

// The life of an append:
//
//	caller     checks the limits, encodes the events, queues the request and waits            (this file)
//	committer  checks the expectation, gives revisions and positions, writes the group's batch to Pebble's log and
//	           memtable without waiting for the disk, and goes on with the next group           (committer.go)
//	publisher  waits until the group's part of the log is synced, hands the records to the ring and so to the
//	           subscribers, answers the callers                                                  (publisher.go)

// Append writes the events to the stream, as the contract says. When ctx ends first the outcome is unknown: the append
// may still happen, and repeating it at the same revision makes it happen once.
func (s *Store) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent,
) (eventstore.Appended, error) {
	req, err := s.appendRequest(ctx, stream, expected, events)
	if err != nil {
		return eventstore.Appended{}, err
	}
	if err := s.submit(ctx, req); err != nil {
		return eventstore.Appended{}, err
	}
	return req.outcome()
}

// InOrder is the store itself: it has no connection to lose.
func (s *Store) InOrder(ctx context.Context) (eventstore.OrderedAppends, error) {
	return s, s.usable(ctx)
}

// BeginAppend queues an append, in the order of the calls, and answers how to wait for it.
func (s *Store) BeginAppend(
	ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent,
) (func(context.Context) (eventstore.Appended, error), error) {
	req, err := s.appendRequest(ctx, stream, expected, events)
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx, req); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (eventstore.Appended, error) {
		if err := s.await(ctx, req); err != nil {
			return eventstore.Appended{}, err
		}
		return req.outcome()
	}, nil
}

// appendRequest is an append that was checked and is ready to be queued.
func (s *Store) appendRequest(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.NewEvent,
) (*request, error) {
	if err := checkAppend(stream, expected, events); err != nil {
		return nil, err
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	req := newRequest(appendEvents)
	req.stream, req.expected = stream, expected
	req.encode(events)
	return req, nil
}

// outcome is the answer to an append, which gives the request back.
func (r *request) outcome() (eventstore.Appended, error) {
	appended, err := r.appended, r.err
	r.release()
	return appended, err
}

// encode writes the events into memory that belongs to the store from now on.
func (r *request) encode(events []eventstore.NewEvent) {
	r.records, r.encoded = r.oneRecord[:0], r.oneEncoded[:0]
	if len(events) > 1 {
		r.records, r.encoded = make([]eventstore.Record, 0, len(events)), make([][]byte, 0, len(events))
	}
	for i := range events {
		r.size += recordBytes(r.stream, &events[i])
	}
	memory := make([]byte, r.size)
	for i := range events {
		e := &events[i]
		n := recordBytes(r.stream, e)
		encoded := memory[:n:n]
		memory = memory[n:]
		data, metadata := encodeRecord(encoded, r.stream, e)
		r.encoded = append(r.encoded, encoded)
		r.records = append(r.records, eventstore.Record{
			Stream: r.stream, ID: e.ID, Type: e.Type, Data: data, Metadata: metadata,
		})
	}
}

// submit queues the request and waits until it is answered, ctx ends or the store fails. Only without an error does
// the request belong to the caller again.
func (s *Store) submit(ctx context.Context, req *request) error {
	if err := s.begin(ctx, req); err != nil {
		return err
	}
	return s.await(ctx, req)
}

// begin queues the request.
func (s *Store) begin(ctx context.Context, req *request) error {
	if err := s.failure.Err(); err != nil {
		return err
	}
	return s.queue.push(ctx, req, s.failure)
}

// await waits for the answer to a request that was queued.
func (s *Store) await(ctx context.Context, req *request) error {
	select {
	case <-req.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.failure.tripped:
	}
	select {
	case <-req.done: // it was answered before the failure
		return nil
	default:
		return s.failure.Err()
	}
}
