package web

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// The length of an acceptable request id.
const (
	minRequestID = 8
	maxRequestID = 64
)

// requestID is the id the client gave its request, if that may be logged and kept, else a new one.
func (s *Server) requestID(ctx *fasthttp.RequestCtx) string {
	if id := ctx.Request.Header.PeekBytes(headerRequestID); acceptableID(id) {
		return string(id)
	}
	return s.newID()
}

// acceptableID tells whether a client's id is 8 to 64 of [A-Za-z0-9._-], and neither a number, which may be a phone or
// a card, nor a key: ids are logged, and become the correlation ids of events, which stay for ever.
func acceptableID(id []byte) bool {
	if len(id) < minRequestID || len(id) > maxRequestID {
		return false
	}
	letters := false
	for _, b := range id {
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
			letters = true
		case b >= '0' && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return letters && !bytes.Contains(id, []byte("kp_")) && !bytes.Contains(id, []byte("sk_"))
}
