package esdbserver

import (
	"context"
	"fmt"
	"strconv"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/benfex/kipay/eventstore"
)

// Delete deletes a stream of a subject's key, so that its bytes are gone. All other streams are the ledger, for ever.
func (s *streams) Delete(ctx context.Context, req *api.DeleteReq) (*api.DeleteResp, error) {
	stream, err := streamName(req.GetOptions().GetStreamIdentifier())
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	if !isSubjectKey(stream) {
		return nil, status.Errorf(codes.Unimplemented, "only streams %s* can be deleted", subjectKeyPrefix)
	}
	expected, err := deleteExpectation(req.GetOptions())
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	done, err := s.keys.delete(ctx, stream, expected)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	if done.wrong {
		trailers := metadata.Pairs(exceptionKey, exceptionWrong, trailerStream, printable(stream),
			trailerExpected, strconv.FormatInt(expected.number(), 10), trailerActual, strconv.FormatInt(int64(done.revision), 10))
		if err := grpc.SetTrailer(ctx, trailers); err != nil {
			return nil, err
		}
		return nil, status.Errorf(codes.FailedPrecondition, "delete of %s: expected revision %d, is %d", printable(stream), expected.number(), done.revision)
	}
	return &api.DeleteResp{PositionOption: &api.DeleteResp_Position_{Position: &api.DeleteResp_Position{
		CommitPosition: uint64(done.position), PreparePosition: uint64(done.position),
	}}}, nil
}

// refuse is the status of the error, with its trailers set.
func (s *streams) refuse(ctx context.Context, err error) error {
	trailers, err := statusOf(err)
	if len(trailers) > 0 {
		if err := grpc.SetTrailer(ctx, trailers); err != nil {
			return err
		}
	}
	return err
}

func deleteExpectation(o *api.DeleteReq_Options) (expectation, error) {
	switch expected := o.GetExpectedStreamRevision().(type) {
	case *api.DeleteReq_Options_Revision:
		return exactly(expected.Revision)
	case *api.DeleteReq_Options_NoStream:
		return expectation{kind: noStream}, nil
	case *api.DeleteReq_Options_Any:
		return expectation{kind: anyRevision}, nil
	case *api.DeleteReq_Options_StreamExists:
		return expectation{kind: streamExists}, nil
	default:
		return expectation{}, fmt.Errorf("%w: a delete without an expected revision", eventstore.ErrInvalid)
	}
}
