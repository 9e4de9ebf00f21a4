package web

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
)

// logAnswer writes the one line of a request. It names the route's pattern and the client's network; no path, query,
// header or body gets here, and the text of errors goes through redact.
func (s *Server) logAnswer(
	ctx *fasthttp.RequestCtx, x *exchange, route, method string, status int, took time.Duration,
) {
	e := s.log.WithLevel(levelOf(route, status))
	if e == nil || !e.Enabled() {
		return
	}
	e.Str("request_id", x.id)
	if x.known {
		e.Int64("merchant", x.caller.MerchantID).Str("key", x.caller.KeyID)
	}
	e.Str("route", route).Str("method", method).Int("status", status)
	e.Float64("duration_ms", float64(took.Microseconds())/1000)
	if !ctx.Response.IsBodyStream() {
		e.Int("bytes", len(ctx.Response.Body()))
	}
	if network := networkOf(x.ip); network.IsValid() {
		var text [48]byte
		e.Bytes("client", network.AppendTo(text[:0]))
	}
	if x.failure.status != 0 {
		e.Str("code", x.failure.name)
	}
	if x.failure.err != nil && status >= http.StatusInternalServerError {
		e.Str("error", redact(x.failure.err.Error()))
	}
	if x.stack != nil {
		e.Str("stack", redact(string(x.stack)))
	}
	e.Msg("request")
}

// levelOf is error for what is ours to mend, debug for what asks every few seconds whether we live.
func levelOf(route string, status int) zerolog.Level {
	switch {
	case status >= http.StatusInternalServerError:
		return zerolog.ErrorLevel
	case route == "/healthz", route == "/readyz", route == "/metrics":
		return zerolog.DebugLevel
	default:
		return zerolog.InfoLevel
	}
}
