package web

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// routeError is what Fiber would answer if no handler has this path, or none with this method; nil when one does. It
// looks through all routes, which is fine for a request that is refused anyway.
func (s *Server) routeError(c *fiber.Ctx) error {
	path := strings.TrimSuffix(c.Path(), "/")
	var allow []string
	for _, route := range s.app.GetRoutes(true) {
		if !fiber.RoutePatternMatch(path, route.Path, fiber.Config{CaseSensitive: true}) {
			continue
		}
		if route.Method == c.Method() {
			return nil
		}
		if !slices.Contains(allow, route.Method) {
			allow = append(allow, route.Method)
		}
	}
	if len(allow) == 0 {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderAllow, strings.Join(allow, ", "))
	return fiber.ErrMethodNotAllowed
}
