package web

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// retryAfterSeconds is the Retry-After of answers that know no better.
const retryAfterSeconds = "5"

// envelope is the body of every error.
type envelope struct {
	Status    string            `json:"status"`
	Message   string            `json:"message"`
	Code      string            `json:"code,omitempty"` // a stable word for programs, such as a provider's failure code
	Errors    map[string]string `json:"errors,omitempty"`
	RequestID string            `json:"request_id"`
}

// fail answers err.
func (s *Server) fail(c *fiber.Ctx, x *exchange, err error) {
	x.failure = failureOf(err)
	if s.errorPage == nil || x.api || !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
		writeFailure(c.Context(), x)
		return
	}
	clearAnswer(c.Context(), x)
	if err := s.errorPage(c, x.failure.status, x.failure.message, x.id); err != nil {
		writeFailure(c.Context(), x)
	}
}

// writeFailure answers x.failure as JSON.
func writeFailure(ctx *fasthttp.RequestCtx, x *exchange) {
	clearAnswer(ctx, x)
	setAll(&ctx.Response.Header, jsonHeaders)
	body, err := json.Marshal(envelope{
		Status: "error", Message: x.failure.message, Code: x.failure.reason, Errors: x.failure.fields, RequestID: x.id,
	})
	if err != nil {
		panic("web: an error envelope of strings can't be marshalled: " + err.Error())
	}
	ctx.SetContentType(fiber.MIMEApplicationJSON)
	ctx.SetBody(body)
}

// clearAnswer drops what a handler wrote before it failed, and sets what every error has.
func clearAnswer(ctx *fasthttp.RequestCtx, x *exchange) {
	ctx.Response.ResetBody()
	ctx.SetStatusCode(x.failure.status)
	h := &ctx.Response.Header
	for _, name := range []string{
		fasthttp.HeaderContentDisposition, fasthttp.HeaderContentEncoding, fasthttp.HeaderETag,
		fasthttp.HeaderLastModified, fasthttp.HeaderLocation,
	} {
		h.Del(name)
	}
	retriable := x.failure.status == http.StatusServiceUnavailable || x.failure.status == http.StatusTooManyRequests
	if retriable && len(h.PeekBytes(headerRetryAfter)) == 0 {
		h.SetCanonical(headerRetryAfter, []byte(retryAfterSeconds))
	}
}
