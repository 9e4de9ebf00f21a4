package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// errNoSystemStreams answers writes to streams that are EventStoreDB's own, metadata among them.
var errNoSystemStreams = status.Error(codes.Unimplemented, "system streams, and stream metadata with them, are not served here")

// errStopping is why a call ends when the server stops.
var errStopping = errors.New("the server is stopping")

// streams is the Streams service.
type streams struct {
	api.UnimplementedStreamsServer
	store *embedded.Store
	keys  *subjectKeys
	// life ends when the server stops.
	life        context.Context //nolint:containedctx // it is the server's
	batchAppend bool
}

func newStreams(store *embedded.Store, life context.Context, options Options) *streams {
	s := &streams{store: store, life: life, batchAppend: !options.WithoutBatchAppend}
	s.keys = &subjectKeys{streams: s}
	return s
}

// Append writes the events of one request stream, all or none. The stream is read to its end before anything is
// answered: the Go client loses an answer that overtakes what it sends.
func (s *streams) Append(stream api.Streams_AppendServer) error {
	p, err := receive(stream)
	if err != nil {
		return finish(stream, err)
	}
	done, err := s.write(stream.Context(), p)
	if err != nil {
		return finish(stream, err)
	}
	return stream.SendAndClose(appendAnswer(p, done))
}

// finish ends a call with the status and trailers of the error.
func finish(stream grpc.ServerStream, err error) error {
	trailers, err := statusOf(err)
	stream.SetTrailer(trailers)
	return err
}

// receive reads a whole request. Its first error is kept until all of it is read.
func receive(stream api.Streams_AppendServer) (*proposal, error) {
	p := new(proposal)
	named := false
	var wrong error
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if wrong != nil {
			continue
		}
		switch content := req.GetContent().(type) {
		case *api.AppendReq_Options_:
			if named {
				wrong = fmt.Errorf("%w: options twice", eventstore.ErrInvalid)
				continue
			}
			named = true
			wrong = p.setOptions(content.Options)
		case *api.AppendReq_ProposedMessage_:
			if !named {
				wrong = fmt.Errorf("%w: events before the options", eventstore.ErrInvalid)
				continue
			}
			wrong = p.add(content.ProposedMessage)
		default:
			wrong = fmt.Errorf("%w: a request without content", eventstore.ErrInvalid)
		}
	}
	if wrong == nil && !named {
		wrong = fmt.Errorf("%w: an append without options", eventstore.ErrInvalid)
	}
	return p, wrong
}

func (p *proposal) setOptions(o *api.AppendReq_Options) (err error) {
	if p.stream, err = streamName(o.GetStreamIdentifier()); err != nil {
		return err
	}
	switch expected := o.GetExpectedStreamRevision().(type) {
	case *api.AppendReq_Options_Revision:
		p.expected, err = exactly(expected.Revision)
	case *api.AppendReq_Options_NoStream:
		p.expected.kind = noStream
	case *api.AppendReq_Options_Any:
		p.expected.kind = anyRevision
	case *api.AppendReq_Options_StreamExists:
		p.expected.kind = streamExists
	default:
		err = fmt.Errorf("%w: an append without an expected revision", eventstore.ErrInvalid)
	}
	return err
}

// appendAnswer is the answer in the words of Append.
func appendAnswer(p *proposal, done outcome) *api.AppendResp {
	if done.wrong {
		return &api.AppendResp{Result: &api.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrongVersion(p.expected, done.revision)}}
	}
	success := &api.AppendResp_Success{PositionOption: &api.AppendResp_Success_Position{Position: &api.AppendResp_Position{
		CommitPosition: uint64(done.position), PreparePosition: uint64(done.position),
	}}}
	if done.revision == eventstore.NoStream {
		success.CurrentRevisionOption = &api.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	} else {
		success.CurrentRevisionOption = &api.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(done.revision)}
	}
	return &api.AppendResp{Result: &api.AppendResp_Success_{Success: success}}
}

// wrongVersion tells both revisions, for today's clients and for those before 20.10.
func wrongVersion(expected expectation, actual eventstore.Revision) *api.AppendResp_WrongExpectedVersion {
	out := &api.AppendResp_WrongExpectedVersion{}
	empty := &shared.Empty{}
	if actual == eventstore.NoStream {
		out.CurrentRevisionOption = &api.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: empty}
		out.CurrentRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: empty}
	} else {
		out.CurrentRevisionOption = &api.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(actual)}
		out.CurrentRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(actual)}
	}
	switch expected.kind {
	case noStream:
		out.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: empty}
		out.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: noRevision}
	case anyRevision:
		out.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: empty}
		out.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: empty}
	case streamExists:
		out.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty}
		out.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}
	case exactRevision:
		out.ExpectedRevisionOption = &api.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected.revision)}
		out.ExpectedRevisionOption_20_6_0 = &api.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expected.revision)}
	}
	return out
}
