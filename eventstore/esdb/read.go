package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// pageEvents and pageBytes bound what is read with one call: one attempt has to be enough for it.
const (
	pageEvents = 512
	pageBytes  = 4 << 20
)

// page is what one call has read. cut tells that it was ended here, and that there may be more.
type page struct {
	events []*client.RecordedEvent
	cut    bool
}

// ReadStream returns up to limit events of the stream, as the contract says.
func (s *Store) ReadStream(
	ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction, limit int,
) ([]eventstore.Record, error) {
	if err := s.beginRead(ctx, limit); err != nil {
		return nil, err
	}
	if err := checkStream(stream); err != nil {
		return nil, err
	}
	if from < 0 || from == eventstore.EndRevision && dir == eventstore.Forward {
		_, err := s.readOne(ctx, stream, client.End{}, client.Backwards) // nothing is there, unless the stream isn't
		return nil, err
	}
	var all []eventstore.Record
	for len(all) < limit && from >= 0 {
		ask := min(limit-len(all), pageEvents)
		at, way := client.StreamPosition(client.Revision(uint64(from))), client.Forwards
		if dir == eventstore.Backward {
			way = client.Backwards
			if from == eventstore.EndRevision {
				at = client.End{}
			}
		}
		read, err := s.readStreamPage(ctx, stream, at, way, ask)
		if err != nil {
			return nil, err
		}
		for _, e := range read.events {
			all = append(all, recordOf(e))
		}
		if len(read.events) < ask && !read.cut {
			break
		}
		from = all[len(all)-1].Revision + 1
		if dir == eventstore.Backward {
			from -= 2
		}
	}
	return all, nil
}

// readOne reads the event at the place, none if there is none.
func (s *Store) readOne(ctx context.Context, stream string, from client.StreamPosition, dir client.Direction) ([]eventstore.Record, error) {
	read, err := s.readStreamPage(ctx, stream, from, dir, 1)
	if err != nil {
		return nil, err
	}
	records := make([]eventstore.Record, len(read.events))
	for i, e := range read.events {
		records[i] = recordOf(e)
	}
	return records, nil
}

func (s *Store) readStreamPage(ctx context.Context, stream string, from client.StreamPosition, dir client.Direction, count int) (page, error) {
	read, err := repeatable(ctx, s, func(ctx context.Context, l *link) (page, error) {
		return readPage(l.client.ReadStream(ctx, stream, client.ReadStreamOptions{Direction: dir, From: from, RequiresLeader: true}, uint64(count)))
	})
	if err != nil {
		return page{}, fmt.Errorf("read %s: %w", stream, err)
	}
	return read, nil
}

// readPage takes what a read delivers, to its end or as much as one page holds.
func readPage(stream *client.ReadStream, err error) (page, error) {
	if err != nil {
		return page{}, err
	}
	defer stream.Close()
	var out page
	for bytes := 0; bytes < pageBytes; {
		got, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return page{}, err
		}
		out.events = append(out.events, got.Event)
		bytes += len(got.Event.Data) + len(got.Event.UserMetadata)
	}
	out.cut = true
	return out, nil
}

// ReadAll returns up to limit events of the global order, as the contract says. The protocol begins forward with the
// event at the position, and backward with the one before it; here it is the other way round.
func (s *Store) ReadAll(
	ctx context.Context, from eventstore.Position, dir eventstore.Direction, limit int,
) ([]eventstore.Record, error) {
	if err := s.beginRead(ctx, limit); err != nil {
		return nil, err
	}
	var all []eventstore.Record
	add := func(e *client.RecordedEvent) {
		if len(all) < limit && visible(e) {
			all = append(all, recordOf(e))
		}
	}
	at := placeAt(from)
	way := client.Forwards
	switch {
	case dir == eventstore.Forward && from == eventstore.EndPosition, dir == eventstore.Backward && from == 0:
		return nil, nil
	case dir == eventstore.Backward && from == eventstore.EndPosition:
		way, at = client.Backwards, client.End{}
	case dir == eventstore.Backward:
		way = client.Backwards
		first, err := s.readAllPage(ctx, at, client.Forwards, 1)
		if err != nil {
			return nil, err
		}
		if len(first.events) > 0 && first.events[0].Position.Commit == uint64(from) {
			add(first.events[0])
		}
	}
	for len(all) < limit {
		ask := min(limit-len(all)+1, pageEvents) // one more, because the event at from comes too
		read, err := s.readAllPage(ctx, at, way, ask)
		if err != nil {
			return nil, err
		}
		for _, e := range read.events {
			if dir == eventstore.Backward || e.Position.Commit > uint64(from) {
				add(e)
			}
		}
		if len(read.events) < ask && !read.cut {
			break
		}
		last := eventstore.Position(read.events[len(read.events)-1].Position.Commit)
		at = placeAt(last)
		if dir == eventstore.Forward {
			from = last
		}
	}
	return all, nil
}

// readAllPage reads one page of everything, EventStoreDB's own events too.
func (s *Store) readAllPage(ctx context.Context, from client.AllPosition, dir client.Direction, count int) (page, error) {
	read, err := repeatable(ctx, s, func(ctx context.Context, l *link) (page, error) {
		return readPage(l.client.ReadAll(ctx, client.ReadAllOptions{Direction: dir, From: from, RequiresLeader: true}, uint64(count)))
	})
	if err != nil {
		return page{}, fmt.Errorf("read all: %w", err)
	}
	return read, nil
}

func (s *Store) beginRead(ctx context.Context, limit int) error {
	if limit < 1 {
		return fmt.Errorf("%w: read with limit %d", eventstore.ErrInvalid, limit)
	}
	return s.usable(ctx)
}
