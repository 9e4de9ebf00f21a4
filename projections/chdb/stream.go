package chdb

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

// stream answers a read: with its length when the result comes in one piece, which most do, else piece by piece.
func (s *server) stream(ctx context.Context, w http.ResponseWriter, conn *Conn, req *request, layout layout) error {
	req.broken = true // until it has come to its end
	stream, err := conn.Stream(req.sql, req.format, req.params...)
	if err != nil {
		return err
	}
	defer stream.Close()
	first, err := stream.Next()
	if err != nil {
		return err
	}
	if first == nil {
		req.broken = false
		s.write(w, nil)
		return nil
	}
	second, err := stream.Next()
	if err != nil {
		first.Close()
		return err
	}
	if second == nil {
		req.broken = false
		defer first.Close()
		if req.counted {
			w.Header().Set(RowsTrailer, strconv.FormatUint(first.RowsRead(), 10))
		}
		s.write(w, first.Bytes())
		return nil
	}
	tag := exceptionTag()
	w.Header().Set("X-ClickHouse-Exception-Tag", tag)
	pieces := pieces{joiner: joiner{layout: layout}, w: w, control: http.NewResponseController(w), patience: s.opts.StallTimeout, hold: req.hold}
	if req.counted {
		w.Header().Set("Trailer", RowsTrailer+", "+FailedTrailer)
		defer func() { w.Header().Set(RowsTrailer, strconv.FormatUint(pieces.joiner.rows, 10)) }()
	}
	err = pieces.write(first)
	for next := second; next != nil; {
		if err != nil {
			next.Close()
			break
		}
		if err = pieces.write(next); err != nil {
			break
		}
		if next, err = stream.Next(); err == nil && next != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	if err == nil {
		req.broken = false
		err = pieces.end()
	}
	if err != nil && !pieces.sent {
		w.Header().Del("Trailer")
		w.Header().Del("X-ClickHouse-Exception-Tag")
		return err
	}
	if err != nil {
		failed := inWords(ctx, err)
		length := frameError(w, tag, failed)
		if req.counted {
			w.Header().Set(FailedTrailer, strconv.Itoa(failed.Code)+" "+strconv.Itoa(length))
		}
	}
	return nil
}

// pieces writes the pieces of a result one after the other.
type pieces struct {
	joiner   joiner
	w        io.Writer
	control  *http.ResponseController
	patience time.Duration
	hold     int // so many bytes are held back, so that an error among them can still be an answer of its own
	held     bytes.Buffer
	sent     bool
}

// write takes a piece over.
func (p *pieces) write(piece *Result) error {
	defer piece.Close()
	before, part, err := p.joiner.next(piece.Bytes(), piece.RowsRead())
	if err != nil {
		return err
	}
	if !p.sent && p.held.Len()+len(before)+len(part) <= p.hold {
		p.held.WriteString(before)
		p.held.Write(part)
		return nil
	}
	return p.send(before, part)
}

// end writes what follows the last piece, and what is still held back.
func (p *pieces) end() error { return p.send("", p.joiner.end()) }

// send writes. A caller that does not take its rows must not hold a connection for ever.
func (p *pieces) send(before string, part []byte) error {
	p.sent = true
	if err := p.control.SetWriteDeadline(time.Now().Add(p.patience)); err != nil {
		return err
	}
	for _, data := range [][]byte{p.held.Bytes(), []byte(before), part} {
		if len(data) == 0 {
			continue
		}
		if _, err := p.w.Write(data); err != nil {
			return err
		}
	}
	p.held = bytes.Buffer{}
	return nil
}
