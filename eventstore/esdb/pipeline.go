package esdb

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/benfex/kipay/eventstore"
)

// pipeline carries the appends of all callers over one call, BatchAppend, as the official clients of other languages do.
// The Go client makes a call of its own for each append, which costs three times as much on either side.
type pipeline struct {
	member *member
	// life ends with the link, and the call with it.
	life  context.Context //nolint:containedctx // it is the link's
	creds []grpc.CallOption
	// lost is told when the call has ended.
	lost func()

	// beginning makes the first append begin the call. outgoing are encoded requests, for the goroutine that sends.
	beginning sync.Mutex
	call      api.Streams_BatchAppendClient
	outgoing  chan *grpc.PreparedMsg

	mu      sync.Mutex
	next    int64
	waiting map[int64]chan<- answer
	err     error
}

// written is the answer to an append that was carried out; position is zero when the server does not know it.
type written struct {
	revision eventstore.Revision
	position eventstore.Position
}

type answer struct {
	written written
	err     error
}

// conflictError is a server's refusal of an append for its revision.
type conflictError struct {
	// actual is the stream's revision, if known.
	actual eventstore.Revision
	known  bool
}

func (e *conflictError) Error() string { return fmt.Sprintf("the stream is at revision %d", e.actual) }

func newPipeline(life context.Context, m *member, config client.Configuration, lost func()) *pipeline {
	p := &pipeline{member: m, life: life, lost: lost, waiting: make(map[int64]chan<- answer), outgoing: make(chan *grpc.PreparedMsg, maxOutgoing)}
	if creds, ok := newBasic(config); ok {
		p.creds = append(p.creds, grpc.PerRPCCredentials(creds))
	}
	return p
}

// maxOutgoing bounds the requests that wait to be sent.
const maxOutgoing = 64

// append sends an append and waits for its answer, no longer than ctx. sent tells that it may have reached the server.
func (p *pipeline) append(
	ctx context.Context, stream string, expected eventstore.Revision, proposed []client.EventData,
) (done written, sent bool, err error) {
	begun, err := p.start(ctx, stream, expected, proposed)
	if err != nil {
		return written{}, false, err
	}
	done, err = begun.wait(ctx)
	return done, true, err
}

// sentAppend is an append that may have reached the server.
type sentAppend struct {
	pipe *pipeline
	id   int64
	got  <-chan answer
}

// start sends an append, behind those that were started before. After an error it has not been sent.
func (p *pipeline) start(
	ctx context.Context, stream string, expected eventstore.Revision, proposed []client.EventData,
) (_ *sentAppend, err error) {
	got := make(chan answer, 1)
	id, err := p.register(got)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.forget(id)
		}
	}()
	call, err := p.begin()
	if err != nil {
		return nil, err
	}
	message := new(grpc.PreparedMsg)
	if err := message.Encode(call, p.request(ctx, id, stream, expected, proposed)); err != nil {
		return nil, err
	}
	select {
	case p.outgoing <- message:
		return &sentAppend{p, id, got}, nil
	case a := <-got: // the call has ended
		return nil, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wait waits for the answer, no longer than ctx. It is called once.
func (a *sentAppend) wait(ctx context.Context) (written, error) {
	defer a.pipe.forget(a.id)
	select {
	case got := <-a.got:
		return got.written, got.err
	case <-ctx.Done():
		return written{}, ctx.Err()
	}
}

func (p *pipeline) register(got chan<- answer) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	p.next++
	p.waiting[p.next] = got
	return p.next, nil
}

func (p *pipeline) forget(id int64) {
	p.mu.Lock()
	delete(p.waiting, id)
	p.mu.Unlock()
}

// begin is the call, made by who is first.
func (p *pipeline) begin() (api.Streams_BatchAppendClient, error) {
	p.beginning.Lock()
	defer p.beginning.Unlock()
	if p.call != nil {
		return p.call, nil
	}
	call, err := api.NewStreamsClient(p.member.conn).BatchAppend(p.life, p.creds...)
	if err != nil {
		return nil, p.end(err)
	}
	p.call = call
	go p.receive(call)
	go p.send(call)
	return call, nil
}

// send sends what callers have encoded, until the link ends. A failure of the call is for receive to tell.
func (p *pipeline) send(call api.Streams_BatchAppendClient) {
	for {
		select {
		case message := <-p.outgoing:
			if err := call.SendMsg(message); err != nil {
				return
			}
		case <-p.life.Done():
			return
		}
	}
}

// receive hands out the answers until the call ends.
func (p *pipeline) receive(call api.Streams_BatchAppendClient) {
	for {
		got, err := call.Recv()
		if err != nil {
			_ = p.end(err)
			return
		}
		id := correlationOf(got.GetCorrelationId())
		p.mu.Lock()
		to := p.waiting[id]
		delete(p.waiting, id)
		p.mu.Unlock()
		if to != nil { // else nobody waits for it any longer
			to <- answerOf(got)
		}
	}
}

// end ends the pipeline: whoever waits has no answer.
func (p *pipeline) end(err error) error {
	if code := status.Code(err); code != codes.Unauthenticated && code != codes.PermissionDenied && code != codes.Unimplemented {
		err = status.Errorf(codes.Unavailable, "the connection was lost: %v", err)
	}
	p.mu.Lock()
	if p.err == nil {
		p.err = err
	}
	waiting := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	for _, to := range waiting {
		to <- answer{err: err}
	}
	p.lost()
	return err
}

// request is an append as one message.
func (p *pipeline) request(ctx context.Context, id int64, stream string, expected eventstore.Revision, proposed []client.EventData) *api.BatchAppendReq {
	o := &api.BatchAppendReq_Options{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}
	switch expected {
	case eventstore.NoStream:
		o.ExpectedStreamPosition = &api.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	case eventstore.AnyRevision:
		o.ExpectedStreamPosition = &api.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}
	default:
		o.ExpectedStreamPosition = &api.BatchAppendReq_Options_StreamPosition{StreamPosition: uint64(expected)}
	}
	if deadline, ok := ctx.Deadline(); ok {
		if p.member.durations {
			o.DeadlineOption = &api.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(time.Until(deadline))}
		} else {
			o.DeadlineOption = &api.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: timestamppb.New(deadline)}
		}
	}
	req := &api.BatchAppendReq{CorrelationId: correlation(id), Options: o, IsFinal: true}
	for i := range proposed {
		e := &proposed[i]
		most, least := client.UUIDAsInt64(e.EventID)
		content := "application/json"
		if e.ContentType == client.ContentTypeBinary {
			content = "application/octet-stream"
		}
		req.ProposedMessages = append(req.ProposedMessages, &api.BatchAppendReq_ProposedMessage{
			Id:   &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: most, LeastSignificantBits: least}}},
			Data: e.Data, CustomMetadata: e.Metadata, Metadata: map[string]string{"type": e.EventType, "content-type": content},
		})
	}
	return req
}

// correlation numbers the appends of a call: an id needs to be new within it, and no more.
func correlation(id int64) *shared.UUID {
	const version = 4 << 12 // so that it passes for a random one wherever somebody looks
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: version, LeastSignificantBits: math.MinInt64 | id}}}
}

// correlationOf is the number in an id, in either form.
func correlationOf(id *shared.UUID) int64 {
	least := id.GetStructured().GetLeastSignificantBits()
	if text := id.GetString_(); text != "" {
		if parsed, err := uuid.Parse(text); err == nil {
			_, least = client.UUIDAsInt64(parsed)
		}
	}
	return least & math.MaxInt64
}

// answerOf is what the server says of an append.
func answerOf(got *api.BatchAppendResp) answer {
	if failed := got.GetError(); failed != nil {
		return answer{err: refusalOf(failed)}
	}
	success := got.GetSuccess()
	if success == nil {
		return answer{err: status.Error(codes.Aborted, "an answer that says nothing")}
	}
	out := written{revision: eventstore.Revision(success.GetCurrentRevision())}
	if at := success.GetPosition(); at != nil && hasPosition(at.GetCommitPosition()) {
		out.position = eventstore.Position(at.GetCommitPosition())
	}
	return answer{written: out}
}
