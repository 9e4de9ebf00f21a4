package readapi

import (
	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/projections"
)

// listCustomers answers the caller's customers, newest first: search, page, limit.
func (a *api) listCustomers(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p, search := q.page(), q.search("search")
	if err := q.Err(); err != nil {
		return err
	}
	least, err := a.floor(c, who)
	if err != nil {
		return err
	}
	at, err := a.await(c, least)
	if err != nil {
		return err
	}
	page, err := a.Reader.Customers(c.UserContext(), projections.CustomerFilter{
		MerchantID: who.MerchantID, Search: search, Offset: p.offset(), Limit: p.limit,
	})
	if err != nil {
		return away(c, err)
	}
	a.answered(c, who, at)
	return send(c, listed(p, page.Total, len(page.Rows), func(e *encoder, i int) {
		r := &page.Rows[i]
		e.id(r.ID)
		e.text("email", r.Email)
		e.textOrNull("first_name", r.FirstName)
		e.textOrNull("last_name", r.LastName)
		e.textOrNull("phone", r.Phone)
		e.stamp("created_at", r.CreatedAt)
	}))
}
