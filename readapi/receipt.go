package readapi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency"
)

// receiptPatience is how long a receipt waits for a tree that is behind the newest signed head.
const receiptPatience = 2 * time.Second

// receipt answers the receipt file of a transaction: its events and those of its receipts at the provider, as they stand in the
// log, with the proofs that they are under the newest signed head. With disclose=all what is sealed is opened beside them, which
// the holder may take out field by field; the reading is recorded then.
func (a *api) receipt(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	ref, ok := transaction.ParseReference(strings.Clone(c.Params("reference"))) // Fiber uses the memory again
	if !ok {
		return notFound()
	}
	q := &query{c: c}
	disclose := q.text("disclose")
	if disclose != "" && disclose != "none" && disclose != "all" {
		q.Add("disclose", "must be none or all")
	}
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
	if disclose == "all" {
		if err := a.Readings.NoteAuditRead(c.UserContext(), "receipt "+string(ref)+" disclose=all"); err != nil {
			return err
		}
	}
	file, err := a.issue(c.UserContext(), partsOf(story), disclose == "all")
	if err != nil {
		return err
	}
	a.answered(c, who, story[len(story)-1].Position)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+string(ref)+`.receipt.json"`)
	return send(c, file)
}

// parts are how much of each stream is in a receipt, from its beginning on: the names, and how many events.
type parts struct {
	streams []string
	events  map[string]eventstore.Revision
}

// partsOf are the streams of the events, each up to the first that the story leaves out: a receipt has no gap within a stream. In the
// sandbox merchants share the numbers of receipts, and so the streams.
func partsOf(story []told) parts {
	p := parts{events: map[string]eventstore.Revision{}}
	for i := range story {
		e := &story[i]
		if e.Revision != p.events[e.Stream] {
			continue
		}
		if p.events[e.Stream]++; e.Revision == 0 {
			p.streams = append(p.streams, e.Stream)
		}
	}
	return p
}

// leavesOut tells whether the event is behind what is in the receipt.
func (p parts) leavesOut(r eventstore.Record) bool { return r.Revision >= p.events[r.Stream] }

func (a *api) issue(ctx context.Context, p parts, disclose bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, receiptPatience)
	defer cancel()
	records, err := a.Issuer.Gather(ctx, p.streams...)
	if err != nil {
		return nil, proofAway(err)
	}
	records = slices.DeleteFunc(records, p.leavesOut)
	var opened []transparency.Disclosure
	if disclose {
		if opened, err = transparency.Disclose(ctx, a.Opener, records); err != nil {
			return nil, proofAway(err)
		}
	}
	file, err := a.Issuer.Issue(ctx, records, opened)
	return file, proofAway(err)
}

// proofAway is the error of a receipt that could not be made.
func proofAway(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, transparency.ErrHistory):
		return err // an alarm: the log is not what was signed
	case errors.Is(err, transparency.ErrBehind), errors.Is(err, transparency.ErrDamaged), errors.Is(err, eventstore.ErrUnavailable),
		errors.Is(err, eventstore.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return domain.Unavailable("The receipt can't be made right now; try again", err)
	case errors.Is(err, transparency.ErrTooLarge):
		return domain.Conflictf("This payment has more events than a receipt can hold")
	}
	return err
}
