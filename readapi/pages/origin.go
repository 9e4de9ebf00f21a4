package pages

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// sameOrigin tells whether a POST comes from a page of ours. There is no session to ride on, but a stranger's page
// must not make its visitors' browsers ask for payments either.
//
// Browsers say where a request comes from in Sec-Fetch-Site, over plain HTTP and before 2023 in Origin only. A request
// with neither is not from a browser's page.
func (p *pages) sameOrigin(c *fiber.Ctx) bool {
	switch c.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return true
	case "":
	default:
		return false
	}
	origin := c.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, string(c.Request().Host())) || (p.public != nil && strings.EqualFold(u.Host, p.public.Host))
}

// originOf is the scheme and host of an address, empty when it is not a web address.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// webAddress is address if it is one that a link may lead to, else empty.
func webAddress(address string) string {
	if originOf(address) == "" {
		return ""
	}
	return address
}
