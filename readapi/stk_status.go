package readapi

import (
	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

// stkStatus answers a transaction whose payer was asked by a prompt on the phone. Errors: NotFound also for one that never
// was.
func (a *api) stkStatus(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	t, err := a.truth(c, who)
	if err != nil {
		return err
	}
	if t.Pushes == 0 {
		return domain.NotFoundf("No STK push was made for this transaction")
	}
	e := &encoder{b: make([]byte, 0, 1024)}
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.object("transaction", func() { e.transaction(&t) })
	e.b = append(e.b, '}')
	a.answered(c, who, t.Version)
	return send(c, e.b)
}
