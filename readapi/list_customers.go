package readapi

import (
	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/projections"
)

// listCustomers answers the caller's customers, newest first: search, as_of, effective_at, page, limit.
func (a *api) listCustomers(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	q := &query{c: c}
	p, search, w := q.page(), q.search("search"), q.clocks()
	if err := q.Err(); err != nil {
		return err
	}
	f := projections.CustomerFilter{MerchantID: who.MerchantID, Search: search, Offset: p.offset(), Limit: p.limit}
	page, at, err := answer(a, c, who, w,
		func() (projections.CustomerPage, error) { return a.Reader.Customers(c.UserContext(), f) },
		func(m projections.Moment) (projections.CustomerPage, error) {
			return a.past.Customers(c.UserContext(), f, m)
		})
	if err != nil {
		return err
	}
	a.answered(c, who, at)
	return send(c, w.listed(at, p, page.Total, len(page.Rows), func(e *encoder, i int) { e.customer(&page.Rows[i]) }))
}

// customer writes the members of a customer.
func (e *encoder) customer(r *projections.Customer) {
	e.id(r.ID)
	e.text("email", r.Email)
	e.textOrNull("first_name", r.FirstName)
	e.textOrNull("last_name", r.LastName)
	e.textOrNull("phone", r.Phone)
	e.stamp("created_at", r.CreatedAt)
}
