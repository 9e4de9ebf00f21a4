package esdb

import (
	"fmt"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benfex/kipay/eventstore"
)

// refusalOf is the error in an answer to one append of a BatchAppend. What happened is told by the type of its detail.
func refusalOf(failed *statuspb.Status) error {
	name := ""
	if details := failed.GetDetails(); len(details) > 0 {
		_, name, _ = strings.Cut(details[0].GetTypeUrl(), "event_store.client.")
	}
	switch name {
	case "WrongExpectedVersion":
		told := new(shared.WrongExpectedVersion)
		if err := failed.GetDetails()[0].UnmarshalTo(told); err != nil {
			return &conflictError{}
		}
		if told.GetCurrentNoStream() != nil {
			return &conflictError{actual: eventstore.NoStream, known: true}
		}
		return &conflictError{actual: eventstore.Revision(told.GetCurrentStreamRevision()), known: true}
	case "StreamDeleted":
		return fmt.Errorf("%w: the stream was deleted for good", eventstore.ErrStreamNotFound)
	case "AccessDenied":
		return status.Error(codes.PermissionDenied, failed.GetMessage())
	case "MaximumAppendSizeExceeded", "MaximumAppendEventSizeExceeded":
		return fmt.Errorf("%w: the server takes no more", eventstore.ErrTooLarge)
	case "BadRequest":
		told := new(shared.BadRequest)
		_ = failed.GetDetails()[0].UnmarshalTo(told)
		return fmt.Errorf("%w: %s", eventstore.ErrInvalid, told.GetMessage())
	default: // a timeout, not ready, too busy, or unknown
		return status.Error(codes.Aborted, failed.GetMessage())
	}
}
