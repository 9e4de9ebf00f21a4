package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benfex/kipay/eventstore"
)

// verdict is what a failed attempt means.
type verdict int

const (
	// refused: the server has answered, and will answer the same again.
	refused verdict = iota
	// unknown: no answer, or one that says nothing about the outcome. The call may be made again.
	unknown
	// broken: unknown, and the connection is of no more use.
	broken
	// wrongRevision and missing are answers that the caller handles.
	wrongRevision
	missing
)

// judge is the verdict over an attempt's error, and the error in the contract's terms.
func judge(err error) (verdict, error) {
	var told *client.Error
	if errors.As(err, &told) {
		switch told.Code() {
		case client.ErrorCodeResourceNotFound:
			return missing, fmt.Errorf("%w: %w", eventstore.ErrStreamNotFound, plain(err))
		case client.ErrorCodeStreamDeleted:
			return refused, fmt.Errorf("%w: the stream was deleted for good: %w", eventstore.ErrStreamNotFound, plain(err))
		case client.ErrorCodeAccessDenied, client.ErrorCodeUnauthenticated:
			return refused, fmt.Errorf("%w: the server does not let this user do it: %w", eventstore.ErrUnavailable, plain(err))
		case client.ErrorCodeUnsupportedFeature:
			return refused, fmt.Errorf("%w: the server can't do it: %w", eventstore.ErrUnavailable, plain(err))
		case client.ErrorCodeConnectionClosed, client.ErrorCodeNotLeader, client.ErrorUnavailable:
			return broken, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, plain(err))
		default:
		}
	}
	var conflict *conflictError
	switch {
	case errors.As(err, &conflict):
		return wrongRevision, err
	case errors.Is(err, eventstore.ErrClosed), errors.Is(err, eventstore.ErrInvalid), errors.Is(err, eventstore.ErrTooLarge),
		errors.Is(err, eventstore.ErrStreamNotFound):
		return refused, err
	case errors.Is(err, eventstore.ErrUnavailable):
		return unknown, err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF):
		return unknown, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, plain(err))
	}
	switch statusCode(err) {
	case codes.InvalidArgument:
		if strings.Contains(strings.ToLower(err.Error()), "append size") {
			return refused, fmt.Errorf("%w: %w", eventstore.ErrTooLarge, plain(err))
		}
		return refused, fmt.Errorf("%w: %w", eventstore.ErrInvalid, plain(err))
	case codes.FailedPrecondition:
		return refused, fmt.Errorf("%w: %w", eventstore.ErrWrongRevision, plain(err)) // only deletes are answered like this
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return refused, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, plain(err))
	case codes.DataLoss:
		return refused, fmt.Errorf("%w: %w", eventstore.ErrCorrupt, plain(err))
	case codes.Unavailable:
		return broken, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, plain(err))
	default:
		return unknown, fmt.Errorf("%w: %w", eventstore.ErrUnavailable, plain(err))
	}
}

// statusCode is the gRPC status inside the error.
func statusCode(err error) codes.Code {
	var with interface{ GRPCStatus() *status.Status }
	if errors.As(err, &with) {
		return with.GRPCStatus().Code()
	}
	return codes.Unknown
}

// plain is the error without the client's wrapping, for reading: the status's own words where there are some.
func plain(err error) error {
	var with interface{ GRPCStatus() *status.Status }
	if errors.As(err, &with) && with.GRPCStatus() != nil {
		return fmt.Errorf("%s: %s", with.GRPCStatus().Code(), with.GRPCStatus().Message())
	}
	return err
}
