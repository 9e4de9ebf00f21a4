package chdb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer carries out one request and writes what it gives.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	s.describe(w, r)
	req, err := s.readRequest(w, r)
	if err != nil {
		answerError(w, inWords(r.Context(), err))
		return
	}
	ctx, cancel := req.deadline(r.Context())
	defer cancel()
	ends := s.starved.begin()
	err = s.execute(ctx, w, req)
	ends(err)
	if err != nil {
		e := inWords(ctx, err)
		s.opts.Log.Debug().Int("code", e.Code).Str("error", e.Message).Msg("statement failed")
		answerError(w, e)
	}
}

// describe sets the headers of every answer.
func (s *server) describe(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-ClickHouse-Server-Display-Name", displayName)
	h.Set("X-ClickHouse-Timezone", s.timezone)
	if id := r.URL.Query().Get("query_id"); id != "" {
		h.Set("X-ClickHouse-Query-Id", id)
	}
}

// execute answers the request. It gives an error only as long as nothing was written.
func (s *server) execute(ctx context.Context, w http.ResponseWriter, req *request) error {
	if strings.TrimSpace(req.sql) == helloQuery {
		return s.answerHello(w, req)
	}
	if req.data != nil {
		return s.executeInsert(ctx, w, req)
	}
	reads, reuse, err := s.admit(req)
	if err != nil {
		return err
	}
	word := keyword(req.sql)
	connections := s.writers
	switch {
	case reads && aboutTables[word]:
		connections = s.schema
	case reads:
		connections = s.readers
	}
	slot, err := connections.acquire(ctx, req.session)
	if err != nil {
		return err
	}
	defer func() { slot.release(reuse && !req.broken && ctx.Err() == nil) }()
	over := s.killer.watch(ctx, slot.tag)
	defer over()
	if reads {
		return s.read(ctx, w, slot.conn, req)
	}
	// What writes runs in one call: a stream that nobody reads to its end could leave it half done.
	return s.readWhole(w, slot.conn, req)
}

// read answers a statement that only reads: in pieces where that gives the same bytes, else as a whole.
func (s *server) read(ctx context.Context, w http.ResponseWriter, conn *Conn, req *request) error {
	format := resultFormat(req.sql, req.format)
	h := w.Header()
	h.Set("X-ClickHouse-Format", format)
	h.Set("Content-Type", contentType(format))
	layout := layoutOf(format)
	// DESCRIBE, SHOW and their like have to be answered as a whole, and are small.
	if req.whole || layout == whole || !streamed[keyword(req.sql)] {
		return s.readWhole(w, conn, req)
	}
	return s.stream(ctx, w, conn, req, layout)
}

func (s *server) readWhole(w http.ResponseWriter, conn *Conn, req *request) error {
	result, err := conn.Query(req.sql, req.format, req.params...)
	if err != nil {
		return err
	}
	defer result.Close()
	s.write(w, result.Bytes())
	return nil
}

// admit lets the engine's parser say what a statement is, and decides which connections it may have, and whether the
// connection can be used by the next one.
func (s *server) admit(req *request) (reads, reuse bool, err error) {
	class, err := s.classes.of(req.sql, req.session.database)
	if err != nil {
		return false, false, err
	}
	if class.Statements > 1 {
		return false, false, refuse(codeSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed")
	}
	switch class.Class {
	case ReadOnly:
		if namesFile(req.sql) {
			return false, false, refuse(codeAccessDenied, "ACCESS_DENIED", "reading files is not allowed on this interface, nor any other use of the name file")
		}
		if setsSomething(req.sql) {
			// In a subquery the engine takes it, whatever it is: readonly = 0 too.
			return false, false, refuse(codeReadonly, "READONLY", "settings of a read go in the request, not in its text")
		}
		return true, true, nil
	case Control:
		// SET and USE would only change a session that another caller gets next; INTO OUTFILE writes files.
		if word := keyword(req.sql); word != "SYSTEM" && word != "KILL" {
			return false, false, refuse(codeNotImplemented, "NOT_IMPLEMENTED", "%.20s in this form is not offered on this interface: settings and database go in the request", word)
		}
	case Unknown:
		// What the parser does not know is an error, which is the engine's to word; a session that may not write runs it.
		return true, true, nil
	case Mutating, MutatingGlobal:
	}
	if req.readonly {
		return false, false, refuse(codeReadonly, "READONLY", "Cannot execute query in readonly mode")
	}
	return false, class.Class == Mutating, nil
}

// Statements by their first word.
var (
	// aboutTables are quick, and the driver asks one before each batch: they must not queue behind heavy reads, or an
	// INSERT would.
	aboutTables = map[string]bool{"DESCRIBE": true, "DESC": true, "SHOW": true, "EXISTS": true}
	// streamed are those whose result the engine can give piece by piece: it refuses to for all but queries.
	streamed = map[string]bool{"SELECT": true, "WITH": true, "FROM": true}
)

// write answers with a result whose length is known.
func (s *server) write(w http.ResponseWriter, body []byte) {
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType(""))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opts.StallTimeout)) // then without
	_, _ = w.Write(body)                                                                    // the caller is gone
}

// prefetch is how much of an INSERT's data is read before it gets a connection: most inserts fit, and a slow sender of
// a small one holds nobody up.
const prefetch = 1 << 20

func (s *server) executeInsert(ctx context.Context, w http.ResponseWriter, req *request) error {
	if req.readonly {
		return refuse(codeReadonly, "READONLY", "Cannot execute query in readonly mode")
	}
	class, err := s.classes.of(req.sql+" FORMAT "+req.format, req.session.database)
	if err != nil {
		return err
	}
	if class.Statements > 1 {
		return refuse(codeSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed")
	}
	if class.Class == Control { // INSERT INTO FUNCTION file(…)
		return refuse(codeAccessDenied, "ACCESS_DENIED", "writing files is not allowed on this interface")
	}
	var head bytes.Buffer
	_, err = io.CopyN(&head, req.data, prefetch)
	whole := errors.Is(err, io.EOF)
	if err != nil && !whole {
		return err
	}
	slot, err := s.writers.acquire(ctx, req.session)
	if err != nil {
		return err
	}
	defer slot.release(true)
	over := s.killer.watch(ctx, slot.tag)
	defer over()
	insert, err := slot.conn.Insert(req.sql, req.format)
	if err != nil {
		return err
	}
	defer insert.Close()
	if _, err := insert.Write(head.Bytes()); err != nil {
		return err
	}
	if !whole {
		// A body that breaks off is an error here, and Close drops the insert: half of one must never be written.
		if _, err := io.CopyBuffer(struct{ io.Writer }{insert}, req.data, make([]byte, 256<<10)); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	rows, err := insert.Done()
	if err != nil {
		return err
	}
	written := strconv.FormatUint(rows, 10)
	w.Header().Set("X-ClickHouse-Summary", `{"written_rows":"`+written+`","result_rows":"`+written+`"}`)
	s.write(w, nil)
	return nil
}
