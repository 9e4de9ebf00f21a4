package readapi

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
)

const (
	// PositionHeader is on every answer: how far in the log it has seen. A client that sends it back, also to another
	// node, is never shown anything older.
	PositionHeader = "X-Kipay-Position"
	// maxWait bounds how long a list waits for the read models.
	maxWait = time.Second
	// retrySoon is the Retry-After of a list whose wait was in vain.
	retrySoon = "1"
	// retryLater is the Retry-After while ClickHouse is away: its process is replaced within seconds.
	retryLater = "3"
)

// floor is how new an answer to this caller must be: what the header asks for, and what the merchant has written or been
// told on this node. Errors: Invalid on the header.
func (a *api) floor(c *fiber.Ctx, who domain.Caller) (eventstore.Position, error) {
	seen := a.Seen.Of(who.MerchantID)
	header := c.Get(PositionHeader)
	if header == "" {
		return seen, nil
	}
	asked, err := strconv.ParseUint(header, 10, 64)
	if err != nil {
		return 0, domain.Invalid(PositionHeader, "must be a position that an answer carried")
	}
	return max(seen, eventstore.Position(asked)), nil
}

// await waits until the read models have come that far, at most maxWait, and answers how far they have come. It gives them
// a moment for what else was recorded before. A stale list
// is refused rather than shown: the caller would look for what it just wrote and not find it. Errors: Unavailable.
func (a *api) await(c *fiber.Ctx, least eventstore.Position) (eventstore.Position, error) {
	ctx, cancel := context.WithTimeout(c.UserContext(), maxWait)
	defer cancel()
	if err := a.Projection.Fresh(ctx, least); err != nil {
		c.Set(fiber.HeaderRetryAfter, retrySoon)
		return 0, domain.Unavailable("The list has not caught up with the latest changes yet; try again", err)
	}
	return a.Projection.Position(), nil
}

// answered tells the client how far the answer has seen, and remembers it for the merchant's next question.
func (a *api) answered(c *fiber.Ctx, who domain.Caller, at eventstore.Position) {
	c.Set(PositionHeader, strconv.FormatUint(uint64(at), 10))
	a.Seen.Note(who.MerchantID, at)
}

// away is the error of a list whose read model did not answer.
func away(c *fiber.Ctx, err error) error {
	c.Set(fiber.HeaderRetryAfter, retryLater)
	return unavailable(err)
}

func unavailable(err error) error {
	return domain.Unavailable("Lists are temporarily unavailable; try again", err)
}
