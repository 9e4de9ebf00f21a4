package readapi

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/projections"
)

// listTransactions answers the caller's transactions, newest first: status, date_from, date_to, as_of, effective_at,
// page, limit.
func (a *api) listTransactions(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p, status := q.page(), q.status()
	from, to := q.days()
	w := q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	zone, err := zoneOf(who)
	if err != nil {
		return fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	f := projections.TransactionFilter{
		MerchantID: who.MerchantID, Mode: who.Mode, Status: status, From: from, To: to, Zone: zone, Offset: p.offset(), Limit: p.limit,
	}
	page, at, err := answer(a, c, who, w,
		func() (projections.TransactionPage, error) { return a.Reader.Transactions(c.UserContext(), f) },
		func(m projections.Moment) (projections.TransactionPage, error) {
			return a.past.Transactions(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.transaction(&page.Rows[i]) }))
}
