package web

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/benfex/kipay/domain"
)

// headerAPIKey carries the key of a merchant.
const headerAPIKey = "X-API-Key"

// maxKeyLength bounds what is shown to the Authenticator, in bytes.
const maxKeyLength = 256

// gate is what every request below /api passes, in this order: who, how often, with what body.
func (s *Server) gate(c *fiber.Ctx) error {
	x := exchangeOf(c)
	if !x.api { // Fiber matches a group by prefix: /apifoo comes here too
		return c.Next()
	}
	x.gate = c.Route()
	if err := s.authenticate(c, x); err != nil {
		return err
	}
	if err := s.keys.spend(c.UserContext(), c.Context(), x.caller.KeyID); err != nil {
		return err
	}
	if err := s.admitBody(c, x); err != nil {
		if domain.CodeOf(err) == domain.CodeMalformed && !x.broken {
			if missing := s.routeError(c); missing != nil {
				return missing // nobody would have read the body, whatever it is
			}
		}
		return err
	}
	return c.Next()
}

// authenticate puts the caller into the request's context. Errors: Unauthorized, RateLimited when the client's network
// failed too often, and whatever else the Authenticator says, which doesn't count as a failed authentication.
func (s *Server) authenticate(c *fiber.Ctx, x *exchange) error {
	key := c.Request().Header.Peek(headerAPIKey)
	if len(key) == 0 || len(key) > maxKeyLength {
		return s.refuse(c, x, nil)
	}
	caller, err := s.auth.Authenticate(c.UserContext(), string(key))
	if err != nil {
		if domain.CodeOf(err) == domain.CodeUnauthorized {
			return s.refuse(c, x, err)
		}
		return err
	}
	if caller.KeyID == "" { // all of them would share one rate limit
		return errors.New("web: authenticated a caller without a key id")
	}
	x.caller, x.known = caller, true
	c.SetUserContext(domain.WithCaller(c.UserContext(), caller))
	return nil
}

// refuse counts a failed authentication and says so.
func (s *Server) refuse(c *fiber.Ctx, x *exchange, cause error) error {
	if err := s.failures.spend(c.UserContext(), c.Context(), x.ip); err != nil {
		return err
	}
	return &domain.Error{Code: domain.CodeUnauthorized, Err: cause}
}
