package readapi

import "github.com/gofiber/fiber/v2"

// verify answers a transaction as it is now. Its top-level status is the transaction's.
func (a *api) verify(c *fiber.Ctx) error {
	who, err := callerOf(c)
	if err != nil {
		return err
	}
	t, err := a.truth(c, who)
	if err != nil {
		return err
	}
	e := &encoder{b: make([]byte, 0, 1024)}
	e.b = append(e.b, '{')
	e.text("status", string(t.Status))
	e.object("transaction", func() { e.transaction(&t) })
	e.b = append(e.b, '}')
	a.answered(c, who, t.Version)
	return send(c, e.b)
}
