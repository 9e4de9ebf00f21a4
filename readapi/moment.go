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

// known is the position up to which an answer goes by what was known: the newest there is, or as_of. It waits until the
// tables that keep every event have come that far. Errors: Unavailable.
func (a *api) known(c *fiber.Ctx, who domain.Caller, asOf moment) (eventstore.Position, error) {
	least, err := a.floor(c, who)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), maxArchiveWait)
	defer cancel()
	at, err := a.Projection.Archived(ctx, least)
	if err != nil {
		c.Set(fiber.HeaderRetryAfter, retrySoon)
		return 0, domain.Unavailable("The read models have not caught up with the latest changes yet; try again", err)
	}
	switch {
	case !asOf.given:
		return at, nil
	case asOf.at.IsZero():
		return min(at, asOf.position), nil
	}
	then, err := a.Reader.PositionAt(c.UserContext(), asOf.at)
	if err != nil {
		return 0, away(c, err)
	}
	return min(at, then), nil
}

// happened is the time up to which an answer goes by what had happened; nil for no bound. A position means the time of the event
// there. Errors: Invalid on effective_at where there is no such position.
func (a *api) happened(c *fiber.Ctx, effective moment) (*time.Time, error) {
	switch {
	case !effective.given:
		return nil, nil //nolint:nilnil // there is no bound
	case !effective.at.IsZero():
		return &effective.at, nil
	}
	found, err := a.Log.Store().ReadAll(c.UserContext(), effective.position, eventstore.Backward, 1)
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
