package esdb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// Append writes the events to the stream, as the contract says.
func (s *Store) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events ...eventstore.NewEvent,
) (eventstore.Appended, error) {
	if err := checkAppend(stream, expected, events); err != nil {
		return eventstore.Appended{}, err
	}
	if err := s.usable(ctx); err != nil {
		return eventstore.Appended{}, err
	}
	if len(events) == 0 {
		return s.expect(ctx, stream, expected)
	}
	before, err := s.seenBefore(ctx)
	if err != nil {
		return eventstore.Appended{}, err
	}
	done, err := s.append(ctx, stream, expected, proposals(events))
	if err != nil {
		return eventstore.Appended{}, err
	}
	return s.appended(stream, done, before), nil
}

// seenBefore is the newest position that was there before an append, to tell a repeat by.
func (s *Store) seenBefore(ctx context.Context) (eventstore.Position, error) {
	before, _, known := s.heads.get()
	if known {
		return before, nil
	}
	// Once in the store's life: what was appended before it must be known to be told from what is now.
	return s.Head(ctx)
}

// appended takes note of an append that was carried out, and tells whether it was before.
func (s *Store) appended(stream string, done eventstore.Appended, before eventstore.Position) eventstore.Appended {
	if !done.Repeated {
		done.Repeated = done.Position <= before || !s.repeats.first(done.Position)
	}
	if !isHidden(stream) { // else nobody would ever be told of that position
		s.heads.note(done.Position)
	}
	return done
}

// proposals are the events as the client takes them.
func proposals(events []eventstore.NewEvent) []client.EventData {
	out := make([]client.EventData, len(events))
	for i := range events {
		e := &events[i]
		out[i] = client.EventData{EventID: e.ID, EventType: e.Type, ContentType: client.ContentTypeJson, Data: e.Data, Metadata: e.Metadata}
	}
	return out
}

// append makes an append until its outcome is known. That is safe because each attempt has the same ids at the same
// revision: the first that the server carries out is the only one. At AnyRevision that can't be relied on, so there an
// append that may have arrived is not made again.
func (s *Store) append(
	outer context.Context, stream string, expected eventstore.Revision, proposed []client.EventData,
) (eventstore.Appended, error) {
	ctx, cancel := s.until(outer)
	defer cancel()
	mayBeThere := false
	for failures := 0; ; failures++ {
		done, sent, err := s.appendOnce(ctx, stream, expected, proposed)
		if err == nil {
			return s.placed(ctx, stream, done)
		}
		v, failed := judge(err)
		if v == wrongRevision {
			return s.refusal(outer, stream, expected, proposed, mayBeThere, err)
		}
		if sent && (v == unknown || v == broken) {
			mayBeThere = true
			if expected == eventstore.AnyRevision {
				v = refused
			}
		}
		if err := s.again(outer, ctx, failures, v, failed); err != nil {
			return eventstore.Appended{}, fmt.Errorf("append to %s: %w", stream, err)
		}
	}
}

// appendOnce makes one attempt. sent tells that it may have reached the server.
func (s *Store) appendOnce(
	ctx context.Context, stream string, expected eventstore.Revision, proposed []client.EventData,
) (done written, sent bool, err error) {
	l, err := s.links.get(ctx)
	if err != nil {
		return written{}, false, err
	}
	if l.pipe == nil {
		return attemptOn(ctx, s, l, func(ctx context.Context, l *link) (written, error) {
			return s.appendAlone(ctx, l, stream, expected, proposed)
		})
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.options.Attempt)
	defer cancel()
	done, sent, err = l.pipe.append(ctx, stream, expected, proposed)
	s.suspect(ctx, l, began, err)
	return done, sent, err
}

// appendAlone makes a call for one append.
func (s *Store) appendAlone(ctx context.Context, l *link, stream string, expected eventstore.Revision, proposed []client.EventData) (written, error) {
	patience := s.options.Attempt + time.Second // ctx is the bound; without one of its own the client adds another
	done, err := l.client.AppendToStream(ctx, stream, client.AppendToStreamOptions{
		ExpectedRevision: expectation(expected), Deadline: &patience, RequiresLeader: true,
	}, proposed...)
	var told *client.Error
	if errors.As(err, &told) && told.Code() == client.ErrorCodeWrongExpectedVersion {
		actual, known := actualRevision(told)
		return written{}, &conflictError{actual, known}
	}
	if err != nil {
		return written{}, err
	}
	out := written{revision: eventstore.Revision(done.NextExpectedVersion)}
	if hasPosition(done.CommitPosition) {
		out.position = eventstore.Position(done.CommitPosition)
	}
	return out, nil
}

func expectation(r eventstore.Revision) client.ExpectedRevision {
	switch r {
	case eventstore.NoStream:
		return client.NoStream{}
	case eventstore.AnyRevision:
		return client.Any{}
	default:
		return client.Revision(uint64(r))
	}
}

// placed is the answer to an append that was carried out. A server may not know the position of a repeat: then it is
// read.
func (s *Store) placed(ctx context.Context, stream string, done written) (eventstore.Appended, error) {
	out := eventstore.Appended{Revision: done.revision, Position: done.position}
	if done.position != 0 {
		return out, nil
	}
	records, err := s.readOne(ctx, stream, client.Revision(uint64(done.revision)), client.Forwards)
	if err != nil || len(records) == 0 {
		return eventstore.Appended{}, errors.Join(fmt.Errorf("%w: append to %s: its place could not be read back", eventstore.ErrUnavailable, stream), err)
	}
	out.Position, out.Repeated = records[0].Position, true
	return out, nil
}

// refusal is the answer to an append that the server refused for its revision. If an earlier attempt may have arrived,
// the events that are there decide: the refusal may come from our own first success.
func (s *Store) refusal(
	ctx context.Context, stream string, expected eventstore.Revision, proposed []client.EventData, mayBeThere bool, told error,
) (eventstore.Appended, error) {
	if mayBeThere && expected != eventstore.AnyRevision {
		records, err := s.ReadStream(ctx, stream, expected+1, eventstore.Forward, len(proposed))
		switch {
		case errors.Is(err, eventstore.ErrStreamNotFound):
		case err != nil:
			return eventstore.Appended{}, fmt.Errorf("append to %s: look whether it has happened: %w", stream, err)
		case sameEvents(records, proposed):
			last := records[len(records)-1]
			return eventstore.Appended{Revision: last.Revision, Position: last.Position, Repeated: true}, nil
		}
	}
	var conflict *conflictError
	if !errors.As(told, &conflict) {
		conflict = &conflictError{}
	}
	actual := conflict.actual
	if !conflict.known {
		var err error
		if actual, _, err = s.newest(ctx, stream); err != nil {
			return eventstore.Appended{}, fmt.Errorf("append to %s: refused at revision %d: %w", stream, expected, err)
		}
	}
	return eventstore.Appended{}, &eventstore.WrongRevisionError{Stream: stream, Expected: expected, Actual: actual}
}

func sameEvents(records []eventstore.Record, proposed []client.EventData) bool {
	if len(records) != len(proposed) {
		return false
	}
	for i := range records {
		if records[i].ID != proposed[i].EventID {
			return false
		}
	}
	return true
}

// actualRevision takes the stream's revision out of the client's words, which are the only place where it passes it on.
func actualRevision(told *client.Error) (eventstore.Revision, bool) {
	if told.Err() == nil {
		return 0, false
	}
	_, rest, found := strings.Cut(told.Err().Error(), "but got '")
	if !found {
		return 0, false
	}
	text := strings.TrimSuffix(rest, "'")
	if text == "no_stream" {
		return eventstore.NoStream, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return eventstore.Revision(n), err == nil && n >= 0
}

// expect answers an append of nothing: EventStoreDB would write a record for it.
func (s *Store) expect(ctx context.Context, stream string, expected eventstore.Revision) (eventstore.Appended, error) {
	actual, at, err := s.newest(ctx, stream)
	if err != nil {
		return eventstore.Appended{}, err
	}
	if expected != eventstore.AnyRevision && expected != actual {
		return eventstore.Appended{}, &eventstore.WrongRevisionError{Stream: stream, Expected: expected, Actual: actual}
	}
	return eventstore.Appended{Revision: actual, Position: at}, nil
}

// newest is revision and position of the stream's newest event, NoStream when it has none.
func (s *Store) newest(ctx context.Context, stream string) (eventstore.Revision, eventstore.Position, error) {
	records, err := s.readOne(ctx, stream, client.End{}, client.Backwards)
	if errors.Is(err, eventstore.ErrStreamNotFound) || err == nil && len(records) == 0 {
		return eventstore.NoStream, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return records[0].Revision, records[0].Position, nil
}
