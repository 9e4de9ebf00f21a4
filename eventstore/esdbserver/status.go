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
func statusOf(err error) (error, metadata.MD) {
	var noMetadata missingMetadataError
	var deleted streamDeletedError
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, errStopping), errors.Is(err, eventstore.ErrClosed):
		return status.Error(codes.Unavailable, "the server is shutting down"), nil
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error()), nil
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error()), nil
	case errors.As(err, &noMetadata):
		return status.Error(codes.InvalidArgument, err.Error()), metadata.Pairs(exceptionKey, exceptionNoMetadata, trailerRequired, requiredMetadataKeys)
	case errors.As(err, &deleted):
		return status.Error(codes.FailedPrecondition, err.Error()), metadata.Pairs(exceptionKey, exceptionDeleted, trailerStream, printable(deleted.stream))
	case errors.Is(err, eventstore.ErrTooLarge):
		return status.Error(codes.InvalidArgument, err.Error()), metadata.Pairs(exceptionKey, exceptionTooLarge, trailerMaximum, strconv.Itoa(eventstore.MaxAppendBytes))
	case errors.Is(err, eventstore.ErrInvalid):
		return status.Error(codes.InvalidArgument, err.Error()), nil
	case errors.Is(err, eventstore.ErrCorrupt):
		return status.Error(codes.DataLoss, err.Error()), nil
	case errors.Is(err, eventstore.ErrUnavailable):
		// The disk fails: another connection to the same node would not help, so not UNAVAILABLE, on which clients
		// connect anew. EventStoreDB answers a write that it could not finish like this.
		return status.Error(codes.Aborted, err.Error()), nil
	}
	if _, ok := status.FromError(err); ok {
		return err, nil
	}
	return status.Error(codes.Unknown, err.Error()), nil
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
