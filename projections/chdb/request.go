package chdb

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// request is what a caller of the HTTP interface asks for.
type request struct {
	sql      string    // the whole statement, or the INSERT alone when data follows
	data     io.Reader // of an INSERT whose data comes apart from it
	format   string    // of the result, or of the data
	params   []Param
	session  session
	timeout  time.Duration // 0: none
	readonly bool          // refuse everything that isn't a read
	whole    bool          // answer only when the statement is over: wait_end_of_query
	hold     int           // bytes of the answer that are held back for an error that may still come
	broken   bool          // the result has not come to its end
	counted  bool          // say how many rows the answer has
	revision uint64        // of the Native format that the caller expects in the answer to its hello
}

// notSettings are the URL parameters of ClickHouse's HTTP interface that name no setting and have no meaning here:
// there are no users and no roles, and the socket's mode says who may call.
var notSettings = map[string]bool{
	"query": true, "database": true, "default_format": true, "query_id": true, "quota_key": true, "user": true,
	"password": true, "role": true, "client_protocol_version": true, "wait_end_of_query": true, "buffer_size": true,
	"stacktrace": true, "close_session": true, "session_timeout": true, "session_check": true, "compress": true,
	"decompress": true, "session_id": true, "enable_http_compression": true, "http_zlib_compression_level": true,
	"max_execution_time": true, "readonly": true, "log_comment": true, "network_compression_method": true,
	"network_zstd_compression_level": true, "send_progress_in_http_headers": true, "cancel_http_readonly_queries_on_client_close": true,
}

// refusedSettings let a read do what a read-only session must not: eval() runs SQL that stands in a string, where nothing
// here sees it, and AI functions call other servers.
var refusedSettings = map[string]bool{"allow_experimental_eval_table_function": true, "allow_experimental_ai_functions": true}

// readRequest reads a request as far as the statement. Its errors are answers to the caller.
func (s *server) readRequest(w http.ResponseWriter, r *http.Request) (*request, error) {
	query := r.URL.Query()
	req := &request{
		session:  session{database: query.Get("database"), settings: map[string]string{}},
		format:   query.Get("default_format"),
		readonly: r.Method == http.MethodGet || on(query.Get("readonly")),
		whole:    on(query.Get("wait_end_of_query")),
	}
	if req.format == "" {
		req.format = r.Header.Get("X-ClickHouse-Format")
	}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	// "default" is what drivers send when nobody chose, and the engine's default database shows the files of the
	// working folder: both mean ours.
	if req.session.database == "" || req.session.database == "default" {
		req.session.database = Database
	}
	for _, name := range []string{"compress", "decompress", "session_id"} {
		if v := query.Get(name); v != "" && v != "0" {
			return nil, refuse(codeNotImplemented, "NOT_IMPLEMENTED", "%s is not offered on this interface", name)
		}
	}
	if err := s.readSettings(req, query); err != nil {
		return nil, err
	}
	return req, s.readStatement(req, query.Get("query"), w, r)
}

func (s *server) readSettings(req *request, query url.Values) error {
	for name, values := range query {
		value := values[len(values)-1]
		if bound, ok := strings.CutPrefix(name, "param_"); ok {
			req.params = append(req.params, Param{bound, value})
			continue
		}
		switch {
		case name == "client_protocol_version":
			req.revision, _ = strconv.ParseUint(value, 10, 32) // 0, the oldest, when it is no number
		case name == "max_execution_time":
			// Kept here rather than in the engine: drivers send one for every deadline, each another value, and every
			// other value would cost a session of its own.
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil || seconds < 0 || seconds > 1e6 {
				return refuse(codeBadArguments, "BAD_ARGUMENTS", "max_execution_time is not a number of seconds")
			}
			req.timeout = time.Duration(seconds * float64(time.Second))
		case notSettings[name]:
		case refusedSettings[name]:
			return refuse(codeAccessDenied, "ACCESS_DENIED", "Setting %s is not offered on this interface", name)
		case !s.settings[name]:
			return refuse(codeUnknownSetting, "UNKNOWN_SETTING", "Setting %s is neither a builtin setting nor known to this interface", strconv.Quote(name))
		case strings.ContainsRune(value, 0):
			return refuse(codeBadArguments, "BAD_ARGUMENTS", "Setting %s has a NUL in its value", name)
		default:
			req.session.settings[name] = value
		}
	}
	return nil
}

// readStatement puts the statement together from the URL and the body: an INSERT in the URL that ends with its format
// has its data in the body; anything else is text, the URL's part first.
func (s *server) readStatement(req *request, query string, w http.ResponseWriter, r *http.Request) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); strings.HasPrefix(kind, "multipart/") {
		return refuse(codeNotImplemented, "NOT_IMPLEMENTED", "external tables are not offered on this interface")
	}
	body := io.Reader(&stalled{body: r.Body, control: http.NewResponseController(w), patience: s.opts.StallTimeout})
	switch r.Header.Get("Content-Encoding") {
	case "":
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return refuse(codeBadArguments, "BAD_ARGUMENTS", "the body is not gzip: %v", err)
		}
		body = unzipped
	default:
		return refuse(codeNotImplemented, "NOT_IMPLEMENTED", "bodies are taken plain or as gzip only")
	}
	if insert, format, ok := cutInsert(query); ok && r.ContentLength != 0 {
		if len(req.params) > 0 {
			return refuse(codeNotImplemented, "NOT_IMPLEMENTED", "an INSERT with data in the body takes no parameters")
		}
		req.sql, req.format = insert, format
		req.data = &limited{from: body, left: s.opts.MaxInsertBytes}
		return nil
	}
	text, err := io.ReadAll(&limited{from: body, left: s.opts.MaxStatementBytes - int64(len(query))})
	if err != nil {
		return err
	}
	switch {
	case query == "":
		req.sql = string(text)
	case len(text) == 0:
		req.sql = query
	default:
		req.sql = query + "\n" + string(text)
	}
	if strings.TrimSpace(req.sql) == "" {
		return refuse(codeSyntaxError, "SYNTAX_ERROR", "Empty query")
	}
	return nil
}

func on(value string) bool { return value != "" && value != "0" && value != "false" }

// limited reads no more than it may. Unlike io.LimitReader it says so: data that is cut short must not count as whole.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, refuse(codeTooLarge, "TOO_BIG_AST", "the request's body is larger than this interface takes")
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, refuse(codeTooLarge, "TOO_BIG_AST", "the request's body is larger than this interface takes")
	}
	return n, err
}

// stalled gives up on a caller that sends nothing for too long: its INSERT holds a connection.
type stalled struct {
	body     io.Reader
	control  *http.ResponseController
	patience time.Duration
}

func (s *stalled) Read(p []byte) (int, error) {
	if err := s.control.SetReadDeadline(time.Now().Add(s.patience)); err != nil {
		return 0, err
	}
	n, err := s.body.Read(p)
	if err != nil {
		// What follows on this connection has its own deadlines.
		if clear := s.control.SetReadDeadline(time.Time{}); clear != nil && errors.Is(err, io.EOF) {
			return n, clear
		}
	}
	return n, err
}

// deadline is the context of a statement: it ends with the caller, with the server, or with max_execution_time.
func (req *request) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if req.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, req.timeout, errTimeout)
}
