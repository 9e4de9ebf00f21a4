package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/benfex/kipay/eventstore"
)

// What one call of BatchAppend may hold in memory. The client is not read on while it is reached.
const (
	maxBatches      = 256
	maxBatchesBytes = 32 << 20
)

// batch is one append of a call, put together from one or more messages with the same correlation.
type batch struct {
	proposal
	// correlation is echoed as it came: the Node client compares text.
	correlation *shared.UUID
	identifier  *shared.StreamIdentifier
	deadline    time.Time
	failed      error
	held        int
	// begun waits for the store's answer to an append that it was handed on arrival; nil for one whose turn has to come first.
	begun func(context.Context) (eventstore.Appended, error)
}

// batches is a call of BatchAppend. The Node client makes one for all appends of its life.
type batches struct {
	streams *streams
	out     api.Streams_BatchAppendServer
	sending sync.Mutex

	// open are the appends whose last message has not come. Only the reader uses it.
	open map[string]*batch

	mu   sync.Mutex
	room *sync.Cond
	// lanes are the streams with appends under way: those to one stream are carried out in the order of arrival.
	lanes map[string][]*batch
	// queued counts the appends to a stream that the store has not been handed.
	queued map[string]int
	count  int
	bytes  int
	// broken ends the call: an answer could not be sent.
	broken  error
	working sync.WaitGroup
	// ready are the lanes that wait for a worker; idle is how many workers wait for a lane.
	ready chan string
	idle  int
}

// BatchAppend takes appends one after another and answers each exactly once, by its correlation, in any order.
func (s *streams) BatchAppend(stream api.Streams_BatchAppendServer) error {
	if !s.batchAppend {
		return s.UnimplementedStreamsServer.BatchAppend(stream)
	}
	b := &batches{streams: s, out: stream, open: make(map[string]*batch), lanes: make(map[string][]*batch), queued: make(map[string]int), ready: make(chan string, maxBatches)}
	defer close(b.ready)
	b.room = sync.NewCond(&b.mu)
	requests := make(chan *api.BatchAppendReq)
	ended := make(chan error, 1)
	go func() {
		for {
			req, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case requests <- req:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	for {
		select {
		case req := <-requests:
			if err := b.take(req); err != nil {
				b.working.Wait()
				return finish(stream, err)
			}
		case err := <-ended:
			b.working.Wait()
			if errors.Is(err, io.EOF) {
				return finish(stream, b.failure())
			}
			return finish(stream, err)
		case <-s.life.Done():
			b.working.Wait()
			return finish(stream, errStopping)
		case <-stream.Context().Done():
			b.working.Wait()
			return finish(stream, stream.Context().Err())
		}
	}
}

func (b *batches) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

// take takes one message in.
func (b *batches) take(req *api.BatchAppendReq) error {
	key := correlationKey(req.GetCorrelationId())
	one, known := b.open[key]
	if !known {
		if req.GetOptions() == nil {
			return nil // the rest of an append that was answered, or of none: EventStoreDB ignores it too
		}
		one = newBatch(req)
		b.open[key] = one
		if len(b.open) > maxBatches {
			return status.Errorf(codes.ResourceExhausted, "more than %d appends begun and not finished", maxBatches)
		}
	}
	for _, message := range req.GetProposedMessages() {
		if one.failed == nil {
			one.failed = one.add(message)
		}
	}
	if err := b.hold(one, sizeOf(req)); err != nil {
		return err
	}
	if !req.GetIsFinal() {
		return nil
	}
	delete(b.open, key)
	b.queue(one)
	return nil
}

// correlationKey tells correlations apart, in either form of an id.
func correlationKey(id *shared.UUID) string {
	if halves, ok := id.GetValue().(*shared.UUID_Structured_); ok {
		return fmt.Sprint(halves.Structured.GetMostSignificantBits(), " ", halves.Structured.GetLeastSignificantBits())
	}
	return id.GetString_()
}

// sizeOf is about what a message holds in memory.
func sizeOf(req *api.BatchAppendReq) int {
	const each = 512
	size := each
	for _, m := range req.GetProposedMessages() {
		size += each + len(m.GetData()) + len(m.GetCustomMetadata())
	}
	return size
}

func newBatch(req *api.BatchAppendReq) *batch {
	o := req.GetOptions()
	one := &batch{correlation: req.GetCorrelationId(), identifier: o.GetStreamIdentifier(), deadline: deadlineOf(o)}
	if one.identifier == nil {
		one.identifier = &shared.StreamIdentifier{}
	}
	if one.stream, one.failed = streamName(one.identifier); one.failed != nil {
		return one
	}
	switch expected := o.GetExpectedStreamPosition().(type) {
	case *api.BatchAppendReq_Options_StreamPosition:
		one.expected, one.failed = exactly(expected.StreamPosition)
	case *api.BatchAppendReq_Options_NoStream:
		one.expected.kind = noStream
	case *api.BatchAppendReq_Options_Any:
		one.expected.kind = anyRevision
	case *api.BatchAppendReq_Options_StreamExists:
		one.expected.kind = streamExists
	default:
		one.failed = fmt.Errorf("%w: an append without an expected position", eventstore.ErrInvalid)
	}
	return one
}

// deadlineOf is when the client gives up, writeTimeout at most. It tells a moment by its own clock, which may be wrong:
// one that has passed, or is too close to mean anything, is taken for a clock that is.
func deadlineOf(o *api.BatchAppendReq_Options) time.Time {
	const shortest = 100 * time.Millisecond
	now := time.Now()
	asked := writeTimeout
	switch d := o.GetDeadlineOption().(type) {
	case *api.BatchAppendReq_Options_Deadline:
		asked = d.Deadline.AsDuration()
	case *api.BatchAppendReq_Options_Deadline_21_10_0:
		asked = d.Deadline_21_10_0.AsTime().Sub(now)
	}
	if asked < shortest || asked > writeTimeout {
		asked = writeTimeout
	}
	return now.Add(asked)
}

// hold counts the message's bytes, and waits until there is room for more.
func (b *batches) hold(one *batch, bytes int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	one.held += bytes
	b.bytes += bytes
	for b.count > 0 && (b.count >= maxBatches || b.bytes > maxBatchesBytes) && b.broken == nil {
		b.room.Wait()
	}
	if b.bytes > maxBatchesBytes {
		return status.Errorf(codes.ResourceExhausted, "more than %d bytes of appends begun and not finished", maxBatchesBytes)
	}
	return b.broken
}

// begin hands the append to the store at once, unless one to the same stream has to be carried out before: so the appends
// of a call are written in the order of arrival, whatever their streams.
func (b *batches) begin(one *batch) {
	if one.failed != nil || !one.begins() {
		return
	}
	b.mu.Lock()
	behind := b.queued[one.stream] > 0 // only this goroutine adds to it
	b.mu.Unlock()
	if behind {
		return
	}
	ctx, cancel := context.WithDeadline(b.out.Context(), one.deadline)
	defer cancel()
	one.begun, one.failed = b.streams.store.BeginAppend(ctx, one.stream, one.expected.contract(), one.events...)
}

// queue puts an append into the lane of its stream.
func (b *batches) queue(one *batch) {
	b.begin(one)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	if one.begun == nil {
		b.queued[one.stream]++
	}
	lane, busy := b.lanes[one.stream]
	b.lanes[one.stream] = append(lane, one)
	b.working.Add(1)
	if busy {
		return
	}
	// Workers stay for the next lane: a goroutine for each append would spend its time on growing its stack.
	if b.idle -= 1; b.idle < 0 {
		b.idle++
		go b.work()
	}
	b.ready <- one.stream
}

// work carries out lanes until the call ends.
func (b *batches) work() {
	for stream := range b.ready {
		b.drive(stream)
		b.mu.Lock()
		b.idle++
		b.mu.Unlock()
	}
}

// drive carries out the appends of a lane until it is empty.
func (b *batches) drive(stream string) {
	for {
		b.mu.Lock()
		lane := b.lanes[stream]
		if len(lane) == 0 {
			delete(b.lanes, stream)
			b.mu.Unlock()
			return
		}
		one := lane[0]
		b.lanes[stream] = lane[1:]
		b.mu.Unlock()

		err := b.answer(one, b.carryOut(one))

		b.mu.Lock()
		if one.begun == nil {
			if b.queued[stream]--; b.queued[stream] == 0 {
				delete(b.queued, stream)
			}
		}
		b.count--
		b.bytes -= one.held
		if err != nil && b.broken == nil {
			b.broken = err
		}
		b.room.Broadcast()
		b.mu.Unlock()
		b.working.Done()
	}
}

// carryOut writes the append and is its answer.
func (b *batches) carryOut(one *batch) *api.BatchAppendResp {
	if one.failed != nil {
		return one.refused(one.failed)
	}
	ctx, cancel := context.WithDeadline(b.out.Context(), one.deadline)
	defer cancel()
	done, err := b.write(ctx, one)
	switch {
	case err != nil:
		return one.refused(err)
	case done.wrong:
		return one.wrongVersion(done.revision)
	}
	success := &api.BatchAppendResp_Success{PositionOption: &api.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{
		CommitPosition: uint64(done.position), PreparePosition: uint64(done.position),
	}}}
	if done.revision == eventstore.NoStream {
		success.CurrentRevisionOption = &api.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}}
	} else {
		success.CurrentRevisionOption = &api.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(done.revision)}
	}
	return &api.BatchAppendResp{Result: &api.BatchAppendResp_Success_{Success: success}}
}

// write carries out the append, or waits for what was begun.
func (b *batches) write(ctx context.Context, one *batch) (outcome, error) {
	if one.begun == nil {
		return b.streams.write(ctx, &one.proposal)
	}
	done, err := one.begun(ctx)
	return b.streams.outcome(ctx, done, err)
}

func (b *batches) answer(one *batch, answer *api.BatchAppendResp) error {
	answer.CorrelationId, answer.StreamIdentifier = one.correlation, one.identifier
	b.sending.Lock()
	defer b.sending.Unlock()
	return b.out.Send(answer)
}

// refused is the answer to an append that failed: a status with exactly one detail, which the Node client goes by.
func (one *batch) refused(err error) *api.BatchAppendResp {
	var deleted streamDeletedError
	var noMetadata missingMetadataError
	switch {
	case errors.As(err, &deleted):
		return refusal(codes.NotFound, "StreamDeleted", &shared.StreamDeleted{StreamIdentifier: one.identifier})
	case errors.Is(err, eventstore.ErrTooLarge):
		return refusal(codes.InvalidArgument, "MaximumAppendSizeExceeded", &shared.MaximumAppendSizeExceeded{MaxAppendSize: eventstore.MaxAppendBytes})
	case errors.Is(err, eventstore.ErrInvalid), errors.As(err, &noMetadata):
		return refusal(codes.InvalidArgument, "BadRequest", &shared.BadRequest{Message: err.Error()})
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, eventstore.ErrUnavailable):
		return refusal(codes.DeadlineExceeded, "Timeout", &shared.Timeout{})
	default:
		return refusal(codes.Unknown, err.Error(), &shared.Unknown{})
	}
}

func (one *batch) wrongVersion(actual eventstore.Revision) *api.BatchAppendResp {
	out := &shared.WrongExpectedVersion{}
	if actual == eventstore.NoStream {
		out.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}
	} else {
		out.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(actual)}
	}
	switch one.expected.kind {
	case noStream:
		out.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	case anyRevision:
		out.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	case streamExists:
		out.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	case exactRevision:
		out.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(one.expected.revision)}
	}
	return refusal(codes.AlreadyExists, "WrongExpectedVersion", out)
}

func refusal(code codes.Code, message string, detail proto.Message) *api.BatchAppendResp {
	packed, err := anypb.New(detail)
	if err != nil {
		panic(err) // only for a message that can't be encoded
	}
	return &api.BatchAppendResp{Result: &api.BatchAppendResp_Error{Error: &statuspb.Status{
		Code: int32(code), Message: message, Details: []*anypb.Any{packed},
	}}}
}
