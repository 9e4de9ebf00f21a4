package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"

	"github.com/benfex/kipay/eventstore"
)

// reading is a call of Read.
type reading struct {
	streams *streams
	out     grpc.ServerStream
	message eventMessage

	// all is true for $all; then position counts, else stream and revision.
	all      bool
	stream   string
	backward bool
	// fromStart and fromEnd are places of their own; else revision or position is where to begin.
	fromStart, fromEnd bool
	revision           eventstore.Revision
	position           eventstore.Position
	// count bounds a finite read; subscribe makes it a subscription.
	count     uint64
	subscribe bool
	filter    *filter
	// markers tells that the client understands where a stream begins and ends (ControlOption.compatibility).
	markers bool
}

// Read answers a finite read, or serves a subscription until either side ends it.
func (s *streams) Read(req *api.ReadReq, stream api.Streams_ReadServer) error {
	r, err := s.parse(req.GetOptions(), stream)
	if err != nil {
		return finish(stream, err)
	}
	ctx := stream.Context()
	switch {
	case r.subscribe:
		err = r.serve(ctx)
	case r.all:
		err = r.readAll(ctx)
	default:
		err = r.readStream(ctx)
	}
	return finish(stream, err)
}

func (s *streams) parse(o *api.ReadReq_Options, out grpc.ServerStream) (*reading, error) {
	r := &reading{streams: s, out: out, backward: o.GetReadDirection() == api.ReadReq_Options_Backwards}
	switch from := o.GetStreamOption().(type) {
	case *api.ReadReq_Options_Stream:
		if err := r.setStream(from.Stream); err != nil {
			return nil, err
		}
	case *api.ReadReq_Options_All:
		r.all = true
		if err := r.setPosition(from.All); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: a read of nothing", eventstore.ErrInvalid)
	}
	switch count := o.GetCountOption().(type) {
	case *api.ReadReq_Options_Count:
		r.count = count.Count
	case *api.ReadReq_Options_Subscription:
		r.subscribe = true
	default:
		return nil, fmt.Errorf("%w: a read without count", eventstore.ErrInvalid)
	}
	switch o.GetUuidOption().GetContent().(type) {
	case *api.ReadReq_Options_UUIDOption_Structured:
	case *api.ReadReq_Options_UUIDOption_String_:
		r.message.textIDs = true
	default:
		return nil, fmt.Errorf("%w: a read without a form of ids", eventstore.ErrInvalid)
	}
	if by, ok := o.GetFilterOption().(*api.ReadReq_Options_Filter); ok {
		var err error
		if r.filter, err = parseFilter(by.Filter); err != nil {
			return nil, err
		}
	}
	if !r.all && r.filter != nil || r.subscribe && r.backward {
		return nil, fmt.Errorf("%w: filters are for $all, subscriptions go forward", eventstore.ErrInvalid)
	}
	r.markers = o.GetControlOption().GetCompatibility() > 0
	return r, nil
}

func (r *reading) setStream(o *api.ReadReq_Options_StreamOptions) (err error) {
	if r.stream, err = streamName(o.GetStreamIdentifier()); err != nil {
		return err
	}
	switch from := o.GetRevisionOption().(type) {
	case *api.ReadReq_Options_StreamOptions_Revision:
		switch {
		case from.Revision == noRevision:
			r.fromEnd = true
		case from.Revision > math.MaxInt64:
			return fmt.Errorf("%w: revision %d", eventstore.ErrInvalid, from.Revision)
		}
		r.revision = eventstore.Revision(from.Revision)
	case *api.ReadReq_Options_StreamOptions_Start:
		r.fromStart = true
	case *api.ReadReq_Options_StreamOptions_End:
		r.fromEnd = true
	default:
		return fmt.Errorf("%w: a read from nowhere", eventstore.ErrInvalid)
	}
	return nil
}

func (r *reading) setPosition(o *api.ReadReq_Options_AllOptions) error {
	switch from := o.GetAllOption().(type) {
	case *api.ReadReq_Options_AllOptions_Position:
		commit, prepare := from.Position.GetCommitPosition(), from.Position.GetPreparePosition()
		switch {
		case commit == noRevision && prepare == noRevision:
			r.fromEnd = true
		case commit > math.MaxInt64 || commit < prepare:
			return fmt.Errorf("%w: position %d/%d", eventstore.ErrInvalid, commit, prepare)
		}
		r.position = eventstore.Position(commit)
	case *api.ReadReq_Options_AllOptions_Start:
		r.fromStart = true
	case *api.ReadReq_Options_AllOptions_End:
		r.fromEnd = true
	default:
		return fmt.Errorf("%w: a read from nowhere", eventstore.ErrInvalid)
	}
	return nil
}

// page bounds what a finite read holds in memory: as many events as are about pageBytes by the size of the last ones.
type page struct{ events int }

const (
	firstPage, largestPage = 32, 512
	pageBytes              = 1 << 20
)

// next is how many events to read next, at most left.
func (p *page) next(left uint64) int { return int(min(uint64(max(p.events, firstPage)), left)) }

// learn adjusts the size to what was read.
func (p *page) learn(records []eventstore.Record) {
	size := 1
	for i := range records {
		size += len(records[i].Data) + len(records[i].Metadata)
	}
	p.events = min(max(pageBytes*len(records)/size, 1), largestPage)
}

// readAll is inclusive forward and exclusive backward, as EventStoreDB is.
func (r *reading) readAll(ctx context.Context) error {
	dir, from := eventstore.Forward, eventstore.Position(0)
	switch {
	case r.backward && r.fromEnd:
		dir, from = eventstore.Backward, eventstore.EndPosition
	case r.backward:
		dir = eventstore.Backward
		if r.position > 0 {
			from = r.position - 1
		}
	case r.fromEnd:
		return nil
	case r.position > 0:
		from = r.position - 1 // positions have no gaps here: exclusively from the one before is inclusively from this
	}
	var size page
	for left := r.count; left > 0; {
		ask := size.next(left)
		if r.filter != nil {
			ask = max(size.events, firstPage) // who knows how many of them fit
		}
		records, err := r.streams.store.ReadAll(ctx, from, dir, ask)
		if err != nil || len(records) == 0 {
			return err
		}
		size.learn(records)
		for i := range records {
			if left == 0 {
				return nil
			}
			if !r.filter.picks(&records[i]) {
				continue
			}
			sent, err := r.send(ctx, &records[i])
			if err != nil {
				return err
			}
			if sent {
				left--
			}
		}
		from = records[len(records)-1].Position
		if dir == eventstore.Backward {
			from--
		}
	}
	return nil
}

// readStream is inclusive both ways.
func (r *reading) readStream(ctx context.Context) error {
	dir, from := eventstore.Forward, r.revision
	switch {
	case r.backward && r.fromEnd:
		dir, from = eventstore.Backward, eventstore.EndRevision
	case r.backward:
		dir = eventstore.Backward
	case r.fromEnd:
		from = eventstore.EndRevision
	}
	there, err := r.readable(ctx)
	if err != nil {
		return err
	}
	if !there {
		return r.out.SendMsg(&api.ReadResp{Content: &api.ReadResp_StreamNotFound_{StreamNotFound: &api.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
		}}})
	}
	var size page
	for left := r.count; left > 0 && from >= 0; {
		ask := size.next(left)
		records, err := r.streams.store.ReadStream(ctx, r.stream, from, dir, ask)
		if err != nil {
			return err
		}
		size.learn(records)
		for i := range records {
			sent, err := r.send(ctx, &records[i])
			if err != nil {
				return err
			}
			if sent {
				left--
			}
		}
		if len(records) < ask {
			break
		}
		from = records[len(records)-1].Revision + 1
		if dir == eventstore.Backward {
			from -= 2
		}
	}
	return r.sendEnd(ctx)
}

// readable tells whether the stream has events, and for a subject's key also whether they are still there.
func (r *reading) readable(ctx context.Context) (bool, error) {
	if r.stream[0] == '$' {
		return false, nil // none of EventStoreDB's own streams is here
	}
	rec, there, err := r.streams.newest(ctx, r.stream)
	if err != nil || !there {
		return false, err
	}
	_, there, err = r.streams.open(ctx, rec)
	return there, err
}

// sendEnd tells clients that ask for it where the stream ends.
func (r *reading) sendEnd(ctx context.Context) error {
	if !r.markers {
		return nil
	}
	rec, there, err := r.streams.newest(ctx, r.stream)
	if err != nil || !there {
		return err
	}
	return r.out.SendMsg(&api.ReadResp{Content: &api.ReadResp_LastStreamPosition{LastStreamPosition: uint64(rec.Revision)}})
}

// send sends one event. It answers false when the event is no longer there.
func (r *reading) send(ctx context.Context, rec *eventstore.Record) (bool, error) {
	opened, there, err := r.streams.open(ctx, *rec)
	if err != nil || !there {
		return false, err
	}
	r.message.event = opened
	return true, r.out.SendMsg(&r.message)
}

// notFound tells that a stream without events is no failure here.
func notFound(err error) bool { return errors.Is(err, eventstore.ErrStreamNotFound) }
