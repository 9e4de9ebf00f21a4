package web

import "github.com/valyala/fasthttp"

// The names of headers as they are written; fasthttp by itself would write X-Ratelimit-Limit.
var (
	headerRequestID     = []byte("X-Request-ID")
	headerRateLimit     = []byte("X-RateLimit-Limit")
	headerRateRemaining = []byte("X-RateLimit-Remaining")
	headerRateReset     = []byte("X-RateLimit-Reset")
	headerRetryAfter    = []byte("Retry-After")
)

// header is one that never changes.
type header struct{ name, value []byte }

// Strict-Transport-Security is not among them: it is the business of whoever holds the certificate, the proxy.
var (
	everyHeader = []header{
		{[]byte("X-Content-Type-Options"), []byte("nosniff")},
		{[]byte("X-Frame-Options"), []byte("DENY")},
		{[]byte("Referrer-Policy"), []byte("no-referrer")}, // the path of a checkout page is its secret
	}
	jsonHeaders = []header{
		{[]byte("Cache-Control"), []byte("no-store")},
		{[]byte("Content-Security-Policy"), []byte("default-src 'none'; frame-ancestors 'none'")},
	}
)

// setHeaders sets what every answer carries, before the handler, which may overrule it.
func setHeaders(h *fasthttp.ResponseHeader, x *exchange) {
	h.SetCanonical(headerRequestID, []byte(x.id))
	setAll(h, everyHeader)
	if x.api {
		setAll(h, jsonHeaders)
	}
}

func setAll(h *fasthttp.ResponseHeader, headers []header) {
	for _, one := range headers {
		h.SetCanonical(one.name, one.value)
	}
}
