package pages

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// contentSecurityPolicy lets a page load our own style sheet, script and images, ask us, and send its forms to us; and
// to the card pages' hosts, since browsers hold the redirect that answers a form to form-action as well.
func contentSecurityPolicy(cardHosts []string) string {
	form := append([]string{"form-action 'self'"}, cardHosts...)
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:",
		"connect-src 'self'",
		strings.Join(form, " "),
		"base-uri 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// permissionsPolicy turns off what a checkout has no use for.
const permissionsPolicy = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), " +
	"magnetometer=(), microphone=(), midi=(), payment=(), usb=()"

// guarded is h with the headers that every answer of a checkout has.
func (p *pages) guarded(h fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Set("Content-Security-Policy", p.policy)
		c.Set("X-Content-Type-Options", "nosniff")
		c.Set("X-Frame-Options", "DENY")
		c.Set("Referrer-Policy", "no-referrer")
		c.Set("Permissions-Policy", permissionsPolicy)
		c.Set("Cross-Origin-Opener-Policy", "same-origin")
		c.Set("Cross-Origin-Resource-Policy", "same-origin")
		c.Set("Cache-Control", "no-store")
		c.Set("X-Robots-Tag", "noindex, nofollow")
		return h(c)
	}
}
