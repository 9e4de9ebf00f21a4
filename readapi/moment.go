package readapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// maxArchiveWait bounds how long a question as of a moment waits for the tables that keep every event. A projector on
// another node writes to them every few seconds.
const maxArchiveWait = 8 * time.Second

// moment is as_of or effective_at as it was given: a position, or a time.
type moment struct {
	given    bool
	position eventstore.Position
	at       time.Time // zero where a position was given
}

// moment reads as_of or effective_at: a position of the log, or an RFC 3339 time.
func (q *query) moment(name string) moment {
	s := q.text(name)
	if s == "" {
		return moment{}
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return moment{given: true, position: eventstore.Position(n)}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		q.Add(name, "must be a position such as 1042, or a time such as 2026-10-31T23:59:59+03:00")
		return moment{}
	}
	return moment{given: true, at: t}
}

// clocks are as_of and effective_at, which every list has.
type clocks struct{ asOf, effective moment }

func (q *query) clocks() clocks { return clocks{q.moment("as_of"), q.moment("effective_at")} }

// given tells whether a list is asked for as of a moment.
func (w clocks) given() bool { return w.asOf.given || w.effective.given }

// then is the moment that a list is asked for. Errors: Unavailable, Invalid on effective_at.
func (a *api) then(c *fiber.Ctx, who domain.Caller, w clocks) (m projections.Moment, err error) {
	if m.AsOf, err = a.known(c, who, w.asOf); err != nil {
		return m, err
	}
	m.Until, err = a.happened(c, w.effective)
	return m, err
}

// now is how far a list as it is now has come: as far as the caller has a right to.
func (a *api) now(c *fiber.Ctx, who domain.Caller) (eventstore.Position, error) {
	least, err := a.floor(c, who)
	if err != nil {
		return 0, err
	}
	return a.await(c, least)
}

// answer is a list that has come to the position: as it is now, or as of a moment.
func answer[Page any](a *api, c *fiber.Ctx, who domain.Caller, w clocks, now func() (Page, error), then func(projections.Moment) (Page, error)) (Page, eventstore.Position, error) {
	var none Page
	if !w.given() {
		at, err := a.now(c, who)
		if err != nil {
			return none, 0, err
		}
		page, err := now()
		if err != nil {
			return none, 0, away(c, err)
		}
		return page, at, nil
	}
	m, err := a.then(c, who, w)
	if err != nil {
		return none, 0, err
	}
	page, err := then(m)
	if err != nil {
		return none, 0, away(c, err)
	}
	return page, m.AsOf, nil
}

// known is the position up to which an answer goes by what was known: the newest there is, or as_of. It waits until the
// tables that keep every event have come that far. Errors: Unavailable.
func (a *api) known(c *fiber.Ctx, who domain.Caller, asOf moment) (eventstore.Position, error) {
	least, err := a.floor(c, who)
	if err != nil {
		return 0, err
	}
	at, err := a.knownSince(c.UserContext(), least, asOf)
	if err != nil {
		c.Set(fiber.HeaderRetryAfter, retrySoon)
	}
	return at, err
}

// knownSince is known of an answer that has to be as new as least.
func (a *api) knownSince(ctx context.Context, least eventstore.Position, asOf moment) (eventstore.Position, error) {
	limited, cancel := context.WithTimeout(ctx, maxArchiveWait)
	defer cancel()
	at, err := a.Projection.Archived(limited, least)
	if err != nil {
		return 0, domain.Unavailable("The read models have not caught up with the latest changes yet; try again", err)
	}
	switch {
	case !asOf.given:
		return at, nil
	case asOf.at.IsZero():
		return min(at, asOf.position), nil
	}
	then, err := a.Reader.PositionAt(ctx, asOf.at)
	if err != nil {
		return 0, unavailable(err)
	}
	return min(at, then), nil
}

// happened is the time up to which an answer goes by what had happened; nil for no bound. A position means the time of the event
// there. Errors: Invalid on effective_at where there is no such position.
func (a *api) happened(c *fiber.Ctx, effective moment) (*time.Time, error) {
	return a.happenedBy(c.UserContext(), effective)
}

func (a *api) happenedBy(ctx context.Context, effective moment) (*time.Time, error) {
	switch {
	case !effective.given:
		return nil, nil //nolint:nilnil // there is no bound
	case !effective.at.IsZero():
		return &effective.at, nil
	}
	found, err := a.Log.Store().ReadAll(ctx, effective.position, eventstore.Backward, 1)
	if err != nil {
		return nil, domain.Unavailable("The log can't be read right now; try again", err)
	}
	if len(found) == 0 {
		return nil, domain.Invalid("effective_at", "is before the first event")
	}
	var meta eventstore.Metadata
	if err := json.Unmarshal(found[0].Metadata, &meta); err != nil {
		return nil, fmt.Errorf("the metadata of position %d: %w", found[0].Position, err)
	}
	return &meta.OccurredAt, nil
}
