package web

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// connectionError answers what fasthttp couldn't read as a request. Its words quote what was sent, so neither the client
// nor the log gets them.
func (s *Server) connectionError(ctx *fasthttp.RequestCtx, err error) {
	s.refuseConnection(ctx, connectionRow(err))
}

// connectionRow finds the answer for an error of fasthttp.
func connectionRow(err error) row {
	var tooSmall *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &tooSmall):
		return rowOf(http.StatusRequestHeaderFieldsTooLarge)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return rowOf(http.StatusRequestEntityTooLarge)
	case errors.As(err, &network) && network.Timeout(), strings.Contains(err.Error(), "timeout"):
		return rowOf(http.StatusRequestTimeout)
	default:
		return rowOf(http.StatusBadRequest)
	}
}

// refuseUnknownMethods answers methods that Fiber doesn't know; it would do so in plain text, before any middleware.
func (s *Server) refuseUnknownMethods(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if methodOf(ctx.Method()) == otherMethod {
			ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD, POST, PUT, PATCH, DELETE")
			s.refuseConnection(ctx, rowOf(http.StatusMethodNotAllowed))
			return
		}
		next(ctx)
	}
}

// refuseConnection answers outside of Fiber, and closes the connection: nobody knows where the next request would begin.
func (s *Server) refuseConnection(ctx *fasthttp.RequestCtx, r row) {
	x := &exchange{id: s.newID(), ip: peerIP(ctx), start: s.now(), api: true, failure: failure{row: r}}
	setHeaders(&ctx.Response.Header, x)
	writeFailure(ctx, x)
	ctx.SetConnectionClose()
	s.finish(ctx, x, unmatched)
}

// lateError is Fiber's own error handler. observe leaves it nothing but what happens outside of it, in App.Test.
func (s *Server) lateError(c *fiber.Ctx, err error) error {
	x := exchangeOf(c)
	if x == nil {
		x = &exchange{id: s.newID(), ip: peerIP(c.Context()), start: s.now(), api: true}
		setHeaders(&c.Response().Header, x)
	}
	x.failure = failureOf(err)
	writeFailure(c.Context(), x)
	return nil
}
