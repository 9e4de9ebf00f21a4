package readapi

import (
	"context"
	"fmt"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/period"
	"github.com/benfex/kipay/eventstore"
)

// closedPeriod is a month that was closed, with the event that did it.
type closedPeriod struct {
	month period.Month
	eventstore.Envelope
}

// closedPeriods are the caller's, the newest first, as the log has them.
func (a *api) closedPeriods(ctx context.Context, who domain.Caller) ([]closedPeriod, error) {
	var out []closedPeriod
	err := a.Log.EachInStream(ctx, period.Stream(who.MerchantID, who.Mode), 0, func(e eventstore.Envelope) error {
		if c, ok := e.Event.(period.Closed); ok {
			m, err := period.ParseMonth(c.Month)
			if err != nil {
				return fmt.Errorf("%w: %s@%d: %w", eventstore.ErrCorrupt, e.Stream, e.Revision, err)
			}
			out = append(out, closedPeriod{m, e})
		}
		return nil
	})
	slices.Reverse(out)
	return out, logAway(err)
}

// listPeriods answers the months that are closed, the newest first, and which is the first open one: as_of, effective_at.
func (a *api) listPeriods(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	w := q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	closed, err := a.closedPeriods(c.UserContext(), who)
	if err != nil {
		return err
	}
	if w.given() {
		m, err := a.then(c, who, w)
		if err != nil {
			return err
		}
		closed = slices.DeleteFunc(closed, func(p closedPeriod) bool {
			return p.Position > m.AsOf || (m.Until != nil && p.Meta.OccurredAt.After(*m.Until))
		})
	}
	e := &encoder{b: make([]byte, 0, 64+128*len(closed))}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.array("data", len(closed), func(i int) {
		p := &closed[i]
		e.text("month", p.month.String())
		e.position(p.Position)
		e.text("event_id", p.ID.String())
		e.stamp("closed_at", p.Meta.OccurredAt)
		e.text("actor", p.Meta.Actor)
	})
	var at eventstore.Position
	if len(closed) == 0 {
		e.null("open_from")
	} else {
		at = closed[0].Position
		e.text("open_from", closed[0].month.Next().String())
	}
	e.b = append(e.b, '}')
	a.answered(c, who, at)
	return send(c, e.b)
}

// ledgerDiff answers what became known between two moments: how much each account changed, and the postings behind it, newest
// first. since and until are moments as as_of is; period is a closed month, and means what came too late for it. The dates
// narrow it to what happened on them, effective_at to what had happened by then.
func (a *api) ledgerDiff(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p := q.page()
	f, _, effective, err := ledgerFilter(who, q)
	if err != nil {
		return err
	}
	since, until := q.span()
	f.LateFor, f.Period, f.Through = f.Period, 0, 0
	if since.given == (f.LateFor != 0) {
		q.Add("since", "is required, or period: one of them")
	}
	if err := q.Err(); err != nil {
		return err
	}
	if f.Since, f.AsOf, err = a.span(c, who, since, until, f.LateFor); err != nil {
		return err
	}
	if f.Until, err = a.happened(c, effective); err != nil {
		return err
	}
	f.Offset, f.Limit = p.offset(), p.limit
	balances, err := a.Reader.LedgerBalances(c.UserContext(), f)
	if err != nil {
		return away(c, err)
	}
	page, err := a.Reader.LedgerEntries(c.UserContext(), f)
	if err != nil {
		return away(c, err)
	}
	a.answered(c, who, f.AsOf)
	e := &encoder{b: listed(p, page.Total, len(page.Rows), func(e *encoder, i int) { e.ledgerEntry(&page.Rows[i]) })}
	e.b = e.b[:len(e.b)-1] // more members follow
	e.balances("accounts", balances)
	e.trial(balances)
	e.count("since", uint64(f.Since))
	e.count("until", uint64(f.AsOf))
	e.b = append(e.b, '}')
	return send(c, e.b)
}

// span reads since and until.
func (q *query) span() (since, until moment) {
	since, until = q.moment("since"), q.moment("until")
	if since.given && until.given && since.at.IsZero() == until.at.IsZero() && (since.position > until.position || since.at.After(until.at)) {
		q.Add("until", beforeSince)
	}
	return since, until
}

const beforeSince = "must not be before since"

// span is where since, or the closing of the month, and until are in the log. Errors: Unavailable; Invalid on period, and on until
// where it is before since: one may be a time and the other a position.
func (a *api) span(c *fiber.Ctx, who domain.Caller, since, until moment, month period.Month) (from, to eventstore.Position, err error) {
	if from, err = a.since(c, who, since, month); err != nil {
		return 0, 0, err
	}
	if to, err = a.known(c, who, until); err != nil {
		return 0, 0, err
	}
	if since.given && until.given && from > to {
		return 0, 0, domain.Invalid("until", beforeSince)
	}
	return from, to, nil
}

// since is the position of the moment, or that at which the month was closed. Errors: Invalid on period where it is not.
func (a *api) since(c *fiber.Ctx, who domain.Caller, m moment, month period.Month) (eventstore.Position, error) {
	if month == 0 {
		return a.known(c, who, m)
	}
	closed, err := a.closedPeriods(c.UserContext(), who)
	if err != nil {
		return 0, err
	}
	for i := len(closed) - 1; i >= 0; i-- { // the first that closed it, or a later month with it
		if closed[i].month >= month {
			return closed[i].Position, nil
		}
	}
	return 0, domain.Invalid("period", "is not closed")
}
