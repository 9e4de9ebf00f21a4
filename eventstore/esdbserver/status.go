package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/benfex/kipay/eventstore"
)

// The keys and values of trailers by which clients tell exceptions apart.
const (
	exceptionKey         = "exception"
	exceptionWrong       = "wrong-expected-version"
	exceptionDeleted     = "stream-deleted"
	exceptionTooLarge    = "maximum-append-size-exceeded"
	exceptionNoMetadata  = "missing-required-metadata-property"
	trailerStream        = "stream-name"
	trailerExpected      = "expected-version"
	trailerActual        = "actual-version"
	trailerMaximum       = "maximum-append-size"
	trailerRequired      = "required-metadata-properties"
	requiredMetadataKeys = "type,content-type"
)

// missingMetadataError tells a proposed event that lacks a property.
type missingMetadataError struct{ key string }

func (e missingMetadataError) Error() string {
	return "a proposed event has no metadata property " + e.key
}

// streamDeletedError tells a stream that was deleted, where a deleted one is not as good as a new one.
type streamDeletedError struct{ stream string }

func (e streamDeletedError) Error() string { return fmt.Sprintf("stream %q is deleted", e.stream) }

// statusOf is the status, and the trailers, by which official clients know the error again.
func statusOf(err error) (metadata.MD, error) {
	var noMetadata missingMetadataError
	var deleted streamDeletedError
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, errStopping), errors.Is(err, eventstore.ErrClosed):
		return nil, status.Error(codes.Unavailable, "the server is shutting down")
	case errors.Is(err, context.Canceled):
		return nil, status.Error(codes.Canceled, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return nil, status.Error(codes.DeadlineExceeded, err.Error())
	case errors.As(err, &noMetadata):
		return metadata.Pairs(exceptionKey, exceptionNoMetadata, trailerRequired, requiredMetadataKeys), status.Error(codes.InvalidArgument, err.Error())
	case errors.As(err, &deleted):
		return metadata.Pairs(exceptionKey, exceptionDeleted, trailerStream, printable(deleted.stream)), status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, eventstore.ErrTooLarge):
		return metadata.Pairs(exceptionKey, exceptionTooLarge, trailerMaximum, strconv.Itoa(eventstore.MaxAppendBytes)), status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, eventstore.ErrInvalid):
		return nil, status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, eventstore.ErrCorrupt):
		return nil, status.Error(codes.DataLoss, err.Error())
	case errors.Is(err, eventstore.ErrUnavailable):
		// The disk fails: another connection to the same node would not help, so not UNAVAILABLE, on which clients
		// connect anew. EventStoreDB answers a write that it could not finish like this.
		return nil, status.Error(codes.Aborted, err.Error())
	}
	if _, ok := status.FromError(err); ok {
		return nil, err
	}
	return nil, status.Error(codes.Unknown, err.Error())
}

// printable is the name in printable ASCII: clients drop a trailer with other bytes, and then stumble over its absence.
func printable(name string) string {
	var out strings.Builder
	for i := range len(name) {
		if c := name[i]; c >= ' ' && c < 0x7f && c != '%' {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
