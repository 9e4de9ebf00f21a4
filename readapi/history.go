package readapi

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// told is an event with the postings that it makes.
type told struct {
	eventstore.Envelope
	postings []ledger.Posting
}

// history answers all that is known of a transaction, oldest first: its own events, those of its receipts and disputes, and those of
// transactions that are a part of it, each with what the provider said word for word, and with its postings. as_of leaves
// out what was not known yet. It is read from the log alone.
func (a *api) history(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	ref, ok := transaction.ParseReference(strings.Clone(c.Params("reference"))) // Fiber uses the memory again
	if !ok {
		return notFound()
	}
	q := &query{c: c}
	asOf := q.moment("as_of")
	if err := q.Err(); err != nil {
		return err
	}
	story, err := a.storyOf(c.UserContext(), who, ref)
	if err != nil {
		return logAway(err)
	}
	if story == nil {
		return notFound()
	}
	return a.tell(c, who, string(ref), story, asOf)
}

// tell answers a story in the order of the log, without what was not known at the moment, once it is recorded who looks.
func (a *api) tell(c *fiber.Ctx, who domain.Caller, reference string, story []told, asOf moment) error {
	if err := a.Readings.NoteAuditRead(c.UserContext(), "history "+reference); err != nil {
		return err
	}
	slices.SortFunc(story, func(x, y told) int {
		switch {
		case x.Position < y.Position:
			return -1
		case x.Position > y.Position:
			return 1
		}
		return int(x.Revision - y.Revision)
	})
	newest := story[len(story)-1].Position
	story = slices.DeleteFunc(story, func(t told) bool { return !asOf.includes(&t.Envelope) })
	e := &encoder{b: make([]byte, 0, 1024*(1+len(story)))}
	e.b = append(e.b, '{')
	e.text("status", "success")
	var err error
	e.array("events", len(story), func(i int) {
		err = errors.Join(err, e.event(&story[i].Envelope, story[i].postings))
	})
	e.b = append(e.b, '}')
	if err != nil {
		return err
	}
	a.answered(c, who, newest)
	return send(c, e.b)
}

// includes tells whether the event was known at the moment.
func (m moment) includes(e *eventstore.Envelope) bool {
	switch {
	case !m.given:
		return true
	case m.at.IsZero():
		return e.Position <= m.position
	}
	return !e.RecordedAt.After(m.at)
}

// storyOf are the events of the transaction and of what belongs to it; nil when the caller may not see it, or it is not
// there.
func (a *api) storyOf(ctx context.Context, who domain.Caller, ref transaction.Reference) ([]told, error) {
	s, story, err := a.eventsOf(ctx, ref)
	if err != nil || !s.Exists() || s.Merchant != who.MerchantID || (who.Mode != "" && s.Mode != who.Mode) {
		return nil, err
	}
	for _, d := range s.Disputes {
		if _, _, err := a.foldDispute(ctx, d.Channel, d.Dispute, func(e eventstore.Envelope) { story = append(story, told{Envelope: e}) }); err != nil {
			return nil, err
		}
	}
	for _, p := range s.Payments {
		owner, events, err := a.receiptOf(ctx, s, p)
		if err != nil {
			return nil, err
		}
		story = append(story, events...)
		for _, alone := range owner.Alone() {
			other, events, err := a.eventsOf(ctx, transaction.Reference(alone))
			if err != nil {
				return nil, err
			}
			if other.Reference != ref && other.Merchant == who.MerchantID && other.MergedInto == ref {
				story = append(story, events...)
			}
		}
	}
	return story, nil
}

// eventsOf is a transaction with its events and their postings.
func (a *api) eventsOf(ctx context.Context, ref transaction.Reference) (transaction.State, []told, error) {
	var s transaction.State
	var out []told
	err := a.Log.EachInStream(ctx, ref.Stream(), 0, func(e eventstore.Envelope) error {
		out = append(out, told{e, ledger.OfTransaction(s, e.Event).Lines})
		s = s.Evolve(e.Event)
		return nil
	})
	return s, out, err
}

// receiptOf is the receipt of a payment, with the events of its stream.
func (a *api) receiptOf(ctx context.Context, s transaction.State, p transaction.Payment) (receipt.State, []told, error) {
	id := p.Channel
	if id == 0 { // of an event of version 1
		id = s.Channel
		if at, ok := s.Attempt(p.Attempt); ok && at.Channel != 0 {
			id = at.Channel
		}
	}
	var ch channel.State
	err := a.Log.EachInStream(ctx, channel.Stream(id), 0, func(e eventstore.Envelope) error {
		ch = ch.Evolve(e.Event)
		return nil
	})
	if err != nil || !ch.Exists() {
		return receipt.State{}, nil, err
	}
	var owner receipt.State
	var out []told
	err = a.Log.EachInStream(ctx, receipt.Stream(ch.ReceiptScope(), p.Receipt), 0, func(e eventstore.Envelope) error {
		owner = owner.Evolve(e.Event)
		if e.Meta.Merchant == s.Merchant || e.Meta.Merchant == 0 {
			out = append(out, told{Envelope: e})
		}
		return nil
	})
	return owner, out, err
}

// logAway is the error of a question that the log did not answer.
func logAway(err error) error {
	if errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrClosed) {
		return domain.Unavailable("The event store is temporarily unavailable; try again", err)
	}
	return err
}
