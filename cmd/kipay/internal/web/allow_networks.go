package web

import (
	"net/netip"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

// AllowNetworks lets in only clients from the networks, for the doors of providers that publish their addresses; others
// get 403. No networks let everyone in.
func AllowNetworks(networks []netip.Prefix) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if len(networks) == 0 {
			return c.Next()
		}
		if x := exchangeOf(c); x != nil && contains(networks, x.ip) {
			return c.Next()
		}
		return domain.Forbiddenf("Calls from this address are not accepted here")
	}
}
