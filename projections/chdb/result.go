package chdb

import (
	"errors"
	"time"
	"unsafe"
)

// Result is what a statement answered, or one chunk of it. Its bytes belong to the engine until Close.
type Result struct {
	lib    *library
	handle handle
}

// newResult takes over a result of the engine, and turns one that carries an error into that error.
func (c *Conn) newResult(h handle) (*Result, error) {
	if h == 0 {
		return nil, errors.New("chdb: the engine gave no result")
	}
	if text := c.lib.resultError(h); text != "" {
		c.lib.resultDestroy(h)
		return nil, newError(text)
	}
	return &Result{lib: c.lib, handle: h}, nil
}

// Bytes is the data in the format asked for, without a copy: it must not be used after Close.
func (r *Result) Bytes() []byte {
	n := r.lib.resultLength(r.handle)
	data := r.lib.resultBuffer(r.handle)
	if n == 0 || data == nil {
		return nil
	}
	return unsafe.Slice((*byte)(data), n)
}

// RowsRead and RowsWritten count rows; Elapsed is the engine's own time.
func (r *Result) RowsRead() uint64    { return r.lib.resultRowsRead(r.handle) }
func (r *Result) RowsWritten() uint64 { return r.lib.resultRowsWritten(r.handle) }
func (r *Result) Elapsed() time.Duration {
	return time.Duration(r.lib.resultElapsed(r.handle) * float64(time.Second))
}

// Close gives the memory back to the engine. Further calls do nothing.
func (r *Result) Close() {
	if r.handle == 0 {
		return
	}
	r.lib.resultDestroy(r.handle)
	r.handle = 0
}

// Stream is a result that comes in chunks, for answers of any size. It holds its connection until Close.
type Stream struct {
	conn   *Conn
	handle handle
	ended  bool // the engine said so itself: nothing is left to cancel
}

// Stream runs one statement and gives its result chunk by chunk. The stream has to be closed.
func (c *Conn) Stream(sql, format string, params ...Param) (*Stream, error) {
	c.busy.Lock()
	if c.pointer == nil {
		c.busy.Unlock()
		return nil, errConnClosed
	}
	h := c.call(c.lib.stream, c.lib.streamParams, sql, format, params)
	if h == 0 {
		c.busy.Unlock()
		return nil, errors.New("chdb: the engine gave no stream")
	}
	if text := c.lib.resultError(h); text != "" {
		c.lib.resultDestroy(h)
		c.busy.Unlock()
		return nil, newError(text)
	}
	return &Stream{conn: c, handle: h}, nil
}

// Next gives the next chunk, which has to be closed, or nil at the end.
func (s *Stream) Next() (*Result, error) {
	if s.ended {
		return nil, nil
	}
	result, err := s.conn.newResult(s.conn.lib.streamFetch(s.conn.handle, s.handle))
	if err != nil {
		s.ended = true
		return nil, err
	}
	if len(result.Bytes()) == 0 {
		s.ended = true
		result.Close()
		return nil, nil
	}
	return result, nil
}

// Close stops the statement if it still runs and sets the connection free. Further calls do nothing.
func (s *Stream) Close() {
	if s.handle == 0 {
		return
	}
	if !s.ended {
		s.conn.lib.streamCancel(s.conn.handle, s.handle)
	}
	s.conn.lib.resultDestroy(s.handle)
	s.handle = 0
	s.conn.busy.Unlock()
}
