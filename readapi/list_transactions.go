package readapi

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/projections"
)

// listTransactions answers the caller's transactions, newest first: status, date_from, date_to, page, limit.
func (a *api) listTransactions(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p, status := q.page(), q.status()
	from, to := q.days()
	if err := q.Err(); err != nil {
		return err
	}
	zone, err := zoneOf(who)
	if err != nil {
		return fmt.Errorf("time zone of merchant %d: %w", who.MerchantID, err)
	}
	least, err := a.floor(c, who)
	if err != nil {
		return err
	}
	at, err := a.await(c, least)
	if err != nil {
		return err
	}
	page, err := a.Reader.Transactions(c.UserContext(), projections.TransactionFilter{
		MerchantID: who.MerchantID, Mode: who.Mode, Status: status, From: from, To: to, Zone: zone, Offset: p.offset(), Limit: p.limit,
	})
	if err != nil {
		return away(c, err)
	}
	a.answered(c, who, at)
	return send(c, listed(p, page.Total, len(page.Rows), func(e *encoder, i int) { e.transaction(&page.Rows[i]) }))
}
