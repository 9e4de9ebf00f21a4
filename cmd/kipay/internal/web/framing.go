package web

import (
	"bytes"
	"net/http"

	"github.com/valyala/fasthttp"
)

// refuseDoubtfulFraming answers requests whose headers leave a doubt about where the body ends. fasthttp settles each
// doubt in its own way; a proxy before us that settles it differently would take a part of the body for the next
// request, somebody else's (RFC 9112, sections 5.2, 6.1 and 6.3).
func (s *Server) refuseDoubtfulFraming(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		if doubt := framingDoubt(ctx.Request.Header.RawHeaders()); doubt != "" {
			r := rowOf(http.StatusBadRequest)
			r.message = doubt
			s.refuseConnection(ctx, r)
			return
		}
		next(ctx)
	}
}

// framingDoubt tells what is doubtful about the end of the body, "" when nothing is.
func framingDoubt(headers []byte) string {
	var length []byte
	measured, chunked := false, false
	for len(headers) > 0 {
		var line []byte
		line, headers, _ = bytes.Cut(headers, []byte{'\n'})
		if len(line) == 0 {
			continue
		}
		switch line[0] {
		case ' ', '\t':
			return "Headers must not be folded"
		case 'c', 'C':
			value, ok := headerValue(line, fasthttp.HeaderContentLength)
			if !ok {
				continue
			}
			if measured && !bytes.Equal(value, length) {
				return "Content-Length is given twice"
			}
			length, measured = value, true
		case 't', 'T':
			value, ok := headerValue(line, fasthttp.HeaderTransferEncoding)
			if !ok {
				continue
			}
			if chunked || !bytes.EqualFold(value, []byte("chunked")) {
				return "Transfer-Encoding must be chunked"
			}
			chunked = true
		}
	}
	if measured && chunked {
		return "Content-Length and Transfer-Encoding exclude each other"
	}
	return ""
}

// headerValue is the value of the line if that is the header called name.
func headerValue(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name)+1:]), true
}
