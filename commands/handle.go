package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
)

// maxConflicts bounds how often a command is tried again because another writer came first. Each time somebody else
// succeeded, so only a stampede on one stream gets this far.
const maxConflicts = 64

// By says who carries out a command and why: it becomes the events' metadata.
type By struct {
	Actor       string
	Merchant    int64
	Correlation string
	Causation   string
	From        string // the client's address; sealed
}

func (b By) metadata() eventstore.Metadata {
	return eventstore.Metadata{
		CorrelationID: b.Correlation, CausationID: b.Causation, Actor: b.Actor, Merchant: b.Merchant,
		From: domain.Personal(b.From),
	}
}

// Outcome is what a command came to.
type Outcome[S any] struct {
	State    S
	Revision eventstore.Revision // of the stream's newest event
	Position eventstore.Position // of the newest event seen or written
	// Events were decided and written by this call; none when all was so already.
	Events []domain.Event
	IDs    []uuid.UUID
}

// Wrote tells whether the command changed anything.
func (o Outcome[S]) Wrote() bool { return len(o.Events) > 0 }

// fold reads the stream into a state.
func fold[S domain.State[S]](ctx context.Context, log *eventstore.Log, stream string) (Outcome[S], error) {
	out := Outcome[S]{Revision: eventstore.NoStream}
	err := log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		out.State, out.Revision, out.Position = out.State.Evolve(e.Event), e.Revision, e.Position
		return nil
	})
	return out, asUnavailable(err)
}

// firstOf is the first event of a stream, without one where the stream has none.
func (w *WriteSide) firstOf(ctx context.Context, stream string) (eventstore.Envelope, error) {
	records, err := w.log.Store().ReadStream(ctx, stream, 0, eventstore.Forward, 1)
	if errors.Is(err, eventstore.ErrStreamNotFound) || err == nil && len(records) == 0 {
		return eventstore.Envelope{}, nil
	}
	if err != nil {
		return eventstore.Envelope{}, asUnavailable(err)
	}
	e, err := w.log.Decode(ctx, records[0])
	return e, asUnavailable(err)
}

// Fold reads a stream into its state.
func Fold[S domain.State[S]](ctx context.Context, w *WriteSide, stream string) (Outcome[S], error) {
	return fold[S](ctx, w.log, stream)
}

// Handle carries out cmd on the stream: fold, decide, append at the revision that was read, and again from the fold when
// another writer came first. Errors: the command's own; Unavailable when the event store is away.
func Handle[S domain.State[S]](ctx context.Context, w *WriteSide, stream string, cmd domain.Command[S], by By) (Outcome[S], error) {
	for range maxConflicts {
		before, err := fold[S](ctx, w.log, stream)
		if err != nil {
			return Outcome[S]{}, err
		}
		out, again, err := decideAndAppend(ctx, w, stream, before, cmd, by)
		if !again {
			return out, err
		}
	}
	return Outcome[S]{}, domain.Unavailable("Too many changes at once; try again", fmt.Errorf("%d conflicts on %s", maxConflicts, stream))
}

// HandleNew is Handle for a stream that most likely has no events yet: it saves the read.
func HandleNew[S domain.State[S]](ctx context.Context, w *WriteSide, stream string, cmd domain.Command[S], by By) (Outcome[S], error) {
	return handleFrom(ctx, w, stream, Outcome[S]{Revision: eventstore.NoStream}, cmd, by)
}

// handleFrom is Handle for a stream whose state is known from before: it is read only when somebody else has written since.
func handleFrom[S domain.State[S]](ctx context.Context, w *WriteSide, stream string, known Outcome[S], cmd domain.Command[S], by By) (Outcome[S], error) {
	known.Events, known.IDs = nil, nil
	out, again, err := decideAndAppend(ctx, w, stream, known, cmd, by)
	if !again {
		return out, err
	}
	return Handle(ctx, w, stream, cmd, by)
}

func decideAndAppend[S domain.State[S]](ctx context.Context, w *WriteSide, stream string, at Outcome[S], cmd domain.Command[S], by By) (_ Outcome[S], again bool, _ error) {
	events, err := cmd.Decide(at.State)
	if err != nil {
		return at, false, err
	}
	if len(events) == 0 {
		w.seen.Note(by.Merchant, at.Position)
		return at, false, nil
	}
	done, ids, err := w.log.Append(ctx, stream, at.Revision, by.metadata(), events...)
	if errors.Is(err, eventstore.ErrWrongRevision) {
		return at, true, nil
	}
	if err != nil {
		return at, false, asUnavailable(err)
	}
	at.Revision, at.Position, at.Events, at.IDs = done.Revision, done.Position, events, ids
	for _, e := range events {
		at.State = at.State.Evolve(e)
	}
	w.seen.Note(by.Merchant, at.Position)
	return at, false, nil
}

// asUnavailable turns a store's failure into the domain's word for it.
func asUnavailable(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrClosed),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return domain.Unavailable("Payments can't be recorded right now; try again", err)
	case errors.Is(err, eventstore.ErrTooLarge):
		return &domain.Error{Code: domain.CodeTooLarge, Message: "The request is too large to be recorded", Err: err}
	}
	return err
}
