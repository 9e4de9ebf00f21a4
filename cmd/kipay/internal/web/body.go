package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/domain"
)

const (
	// prefetched is how much of a body fasthttp reads before anything else happens; the rest stays on the connection.
	prefetched = 8 << 10
	// drainLimit is how much of a body that nobody wants is read and dropped, so that the client gets to read why. Closing
	// the connection while it still sends would reset it, and the answer would be lost.
	drainLimit = 4 << 20
)

// admitBody reads the body, as far as it may be read. Errors: Malformed, TooLarge, 408 when the client is too slow.
func (s *Server) admitBody(c *fiber.Ctx, x *exchange) error {
	req := c.Request()
	if !req.IsBodyStream() || req.Header.ContentLength() == 0 || req.Header.IsGet() || req.Header.IsHead() {
		return nil
	}
	limit, upload := s.uploads[strings.TrimSuffix(c.Path(), "/")]
	switch {
	case upload:
	case x.api:
		limit = s.bodyLimit
	default:
		limit = s.publicBodyLimit
	}
	if err := checkBody(req, x, upload, s.forms != nil && s.forms(c.Path())); err != nil {
		return err
	}
	size := req.Header.ContentLength()
	if size > limit {
		return tooLarge(limit)
	}
	if upload || size >= 0 && size <= prefetched {
		return nil // an upload is the handler's to read; a small body is in memory already
	}
	body, err := readBody(req.BodyStream(), size, limit)
	if err != nil {
		x.broken = domain.CodeOf(err) != domain.CodeTooLarge
		return err
	}
	req.SetBodyRaw(body)
	return nil
}

// checkBody tells whether the headers describe a body that we take.
func checkBody(req *fasthttp.Request, x *exchange, upload, form bool) error {
	if enc := req.Header.Peek(fasthttp.HeaderContentEncoding); len(enc) > 0 && !bytes.EqualFold(enc, []byte("identity")) {
		// Fiber would unpack it without a limit: a kilobyte becomes a gigabyte.
		return malformed("Content-Encoding is not supported")
	}
	if upload && req.Header.ContentLength() < 0 {
		return malformed("Content-Length is required")
	}
	if !x.api {
		return nil
	}
	media, _, _ := bytes.Cut(req.Header.ContentType(), []byte(";"))
	media = bytes.TrimSpace(media)
	switch {
	case bytes.EqualFold(media, []byte(fiber.MIMEApplicationJSON)):
		return nil
	case (upload || form) && bytes.EqualFold(media, []byte(fiber.MIMEMultipartForm)):
		return nil
	case upload:
		return malformed("Content-Type must be multipart/form-data")
	default:
		return malformed("Content-Type must be application/json")
	}
}

// readBody reads a body of size bytes, -1 for one that comes in chunks. Memory grows with what has arrived, not with what
// was announced.
func readBody(stream io.Reader, size, limit int) ([]byte, error) {
	var body bytes.Buffer
	body.Grow(2 * prefetched)
	_, err := body.ReadFrom(io.LimitReader(stream, int64(limit)+1))
	var slow net.Error
	switch {
	case errors.As(err, &slow) && slow.Timeout():
		return nil, fiber.ErrRequestTimeout
	case err != nil:
		return nil, &domain.Error{Code: domain.CodeMalformed, Message: "The body can't be read", Err: err}
	case body.Len() > limit:
		return nil, tooLarge(limit)
	case size >= 0 && body.Len() != size:
		return nil, malformed("The body ended early")
	}
	return body.Bytes(), nil
}

// settleBody sees to what is left of the body on the connection. fasthttp would take it for the next request.
func settleBody(ctx *fasthttp.RequestCtx, x *exchange) {
	req := &ctx.Request
	if !req.IsBodyStream() {
		return
	}
	size := req.Header.ContentLength()
	if size >= 0 && size <= prefetched {
		return
	}
	if x.broken || size > drainLimit {
		ctx.SetConnectionClose()
		return
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(req.BodyStream(), drainLimit)); err != nil || n == drainLimit {
		ctx.SetConnectionClose()
	}
}

func malformed(message string) error {
	return &domain.Error{Code: domain.CodeMalformed, Message: message}
}

func tooLarge(limit int) error {
	return &domain.Error{Code: domain.CodeTooLarge, Message: fmt.Sprintf("The body is over the limit of %d bytes", limit)}
}
