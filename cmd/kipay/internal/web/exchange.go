package web

import (
	"context"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/domain"
)

// exchange is what this package knows of one request and its answer.
type exchange struct {
	id    string
	ip    netip.Addr
	start time.Time
	api   bool

	caller domain.Caller
	known  bool // caller is set

	// observer and gate are the routes of our own middleware: a request that got no further matched nothing.
	observer, gate *fiber.Route

	failure failure // what was answered, when that was an error
	stack   []byte  // of a panic
	broken  bool    // nobody knows where on the connection the body ends
}

type exchangeKey struct{}

// exchangeOf is the exchange of c, nil when the request never passed observe.
func exchangeOf(c *fiber.Ctx) *exchange {
	x, _ := c.Locals(exchangeKey{}).(*exchange)
	return x
}

// RequestID is the id of the request: the client's X-Request-ID if it was acceptable, else one of ours.
func RequestID(c *fiber.Ctx) string {
	if x := exchangeOf(c); x != nil {
		return x.id
	}
	return ""
}

// ClientIP is the address of the client, empty when there is none (a Unix socket). It is personal data.
func ClientIP(c *fiber.Ctx) string {
	if x := exchangeOf(c); x != nil {
		return ipText(x.ip)
	}
	return ""
}

// observe stands round everything: it gives the request its id and context, turns errors and panics into answers, and
// logs and counts what was answered.
func (s *Server) observe(c *fiber.Ctx) error {
	x := &exchange{
		id:       s.requestID(c.Context()),
		ip:       s.clientIP(c.Context()),
		start:    s.now(),
		api:      belowAPI(c.Path()),
		observer: c.Route(),
	}
	c.Locals(exchangeKey{}, x)
	s.metrics.inFlight.Inc()
	defer s.metrics.inFlight.Dec()

	ctx, cancel := context.WithTimeout(s.base, s.requestTimeout)
	defer func() {
		if !c.Response().IsBodyStream() { // a stream is written after this; its context ends with the timeout
			cancel()
		}
	}()
	c.SetUserContext(domain.WithRequest(ctx, domain.Request{ID: x.id, IP: ipText(x.ip)}))
	setHeaders(&c.Response().Header, x)

	err := s.guarded(c, x)
	if err != nil {
		s.fail(c, x, err)
	}
	settleBody(c.Context(), x)
	s.finish(c.Context(), x, routeOf(c, x, err))
	return nil
}

// enter goes on to the handler, below /api by way of the gate.
func (s *Server) enter(c *fiber.Ctx, x *exchange) error {
	if !x.api { // the gate admits the body of the others, once it knows the caller
		if err := s.admitBody(c, x); err != nil {
			return err
		}
	}
	return c.Next()
}

// finish logs and counts an answered request.
func (s *Server) finish(ctx *fasthttp.RequestCtx, x *exchange, route string) {
	method, status, took := methodOf(ctx.Method()), ctx.Response.StatusCode(), s.now().Sub(x.start)
	s.metrics.observe(route, method, status, took)
	s.logAnswer(ctx, x, route, method, status, took)
}

// unmatched is the route of requests that reached no handler, in the log and the metrics.
const unmatched = "unmatched"

// routeOf is the pattern of the route that answered. A raw path never gets into the log or a label: it holds references
// and tokens, and anyone can make up new ones.
func routeOf(c *fiber.Ctx, x *exchange, err error) string {
	route := c.Route()
	if route == x.observer || route == x.gate || isRoutingError(err) {
		return unmatched
	}
	return route.Path
}

// methodOf is a method that may be kept, "other" for one that no route can have.
func methodOf(method []byte) string {
	switch string(method) {
	case fiber.MethodGet:
		return fiber.MethodGet
	case fiber.MethodHead:
		return fiber.MethodHead
	case fiber.MethodPost:
		return fiber.MethodPost
	case fiber.MethodPut:
		return fiber.MethodPut
	case fiber.MethodPatch:
		return fiber.MethodPatch
	case fiber.MethodDelete:
		return fiber.MethodDelete
	case fiber.MethodOptions:
		return fiber.MethodOptions
	case fiber.MethodConnect:
		return fiber.MethodConnect
	case fiber.MethodTrace:
		return fiber.MethodTrace
	default:
		return otherMethod
	}
}

const otherMethod = "other"
