package chdb

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/benfex/kipay/projections/chdb/confine"
)

// analysts answers the statements of people who are not trusted with the engine: each is read by package confine before it
// runs, on connections of their own, so that payments' lookups never queue behind them.
type analysts struct {
	server    *server
	classes   *classes
	functions *confine.Functions
	reader    *pool // parses, and looks up what there is; never runs what an analyst wrote
	runs      *pool
	overdue   time.Duration
	wedged    chan error // gets the statement that did not stop
}

// maxAnalystStatement bounds a statement's text, maxParsed what the engine's parser is given of it in its longer, canonical form.
const (
	maxAnalystStatement = 256 << 10
	maxParsed           = 4 << 20
)

// newAnalysts makes the connections. Their settings hold whatever a request asks for.
func (s *server) newAnalysts(engine *Engine, control *Conn) (*analysts, error) {
	parser, err := engine.Connect(nil)
	if err != nil {
		return nil, err
	}
	catalogue, err := jsonRows[confine.Function](control, "SELECT name AS Name, alias_to AS AliasOf, categories AS Category, toBool(is_aggregate) AS Aggregate FROM system.functions")
	if err != nil {
		return nil, fmt.Errorf("list functions: %w", err)
	}
	combinators, err := words(control, "SELECT name FROM system.aggregate_function_combinators")
	if err != nil {
		return nil, fmt.Errorf("list combinators: %w", err)
	}
	return &analysts{
		server: s, classes: newClasses(parser), functions: confine.NewFunctions(catalogue, combinators),
		overdue: s.opts.AnalystOverdue, wedged: make(chan error, 1),
		reader: newPool(engine, s.killer, "analyst-reader", 1, analystReading(s.opts.MaxMemoryBytes)),
		runs:   newPool(engine, s.killer, "analyst", s.opts.Analysts, analystRunning(s.opts.MaxMemoryBytes)),
	}, nil
}

func (a *analysts) close() {
	a.reader.close()
	a.runs.close()
	a.classes.parser.Close()
}

// reading runs do with the connection that looks things up.
func (a *analysts) reading(ctx context.Context, do func(*Conn) error) error {
	slot, err := a.reader.acquire(ctx, session{database: Database})
	if err != nil {
		return err
	}
	defer slot.release(true)
	return do(slot.conn)
}

// answer carries out one request to AnalystPath.
func (a *analysts) answer(w http.ResponseWriter, r *http.Request) {
	a.server.describe(w, r)
	grant, err := readGrant(r.Header)
	if err != nil {
		answerError(w, refuse(codeAccessDenied, "ACCESS_DENIED", "no valid grant came with the request"))
		a.server.opts.Log.Error().Err(err).Msg("a request of an analyst had no valid grant")
		return
	}
	req, err := a.readRequest(w, r, grant)
	if err != nil {
		answerError(w, inWords(r.Context(), err))
		return
	}
	ctx, cancel := req.deadline(r.Context())
	defer cancel()
	ends := a.server.starved.begin()
	err = a.execute(ctx, w, req, grant)
	ends(err)
	if err != nil {
		answerError(w, inWords(ctx, err))
	}
}

// readRequest reads a request as far as the statement. Its errors are answers to whoever wrote it.
func (a *analysts) readRequest(w http.ResponseWriter, r *http.Request, grant Grant) (*request, error) {
	query := r.URL.Query()
	req := &request{
		session: session{database: query.Get("database"), settings: map[string]string{}},
		format:  query.Get("default_format"), readonly: true, counted: true,
		timeout: time.Duration(grant.MaxSeconds * float64(time.Second)),
	}
	if on(query.Get("wait_end_of_query")) {
		req.hold = maxHeld
	}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	if req.session.database == "" || req.session.database == "default" {
		req.session.database = grant.Databases[0]
	}
	if !slices.Contains(grant.Databases, req.session.database) {
		return nil, refuse(codeAccessDenied, "ACCESS_DENIED", "the database %s is not offered; these are: %s", strconv.Quote(req.session.database), strings.Join(grant.Databases, ", "))
	}
	if err := readAnalystSettings(req, query); err != nil {
		return nil, err
	}
	body := io.Reader(&stalled{body: r.Body, control: http.NewResponseController(w), patience: a.server.opts.StallTimeout})
	text, err := io.ReadAll(&limited{from: body, left: maxAnalystStatement})
	if err != nil {
		return nil, err
	}
	req.sql = string(text)
	if strings.TrimSpace(req.sql) == "" {
		return nil, refuse(codeSyntaxError, "SYNTAX_ERROR", "Empty query")
	}
	return req, nil
}

// execute answers the request. It gives an error only as long as nothing was written.
func (a *analysts) execute(ctx context.Context, w http.ResponseWriter, req *request, grant Grant) error {
	if strings.TrimSpace(req.sql) == helloQuery {
		return a.server.answerHello(w, req)
	}
	tables, err := a.admit(ctx, req, grant)
	if err != nil {
		return err
	}
	w.Header().Set(TablesHeader, strings.Join(tables, ","))
	slot, err := a.runs.acquire(ctx, req.session)
	if err != nil {
		return err
	}
	defer func() { slot.release(!req.broken && ctx.Err() == nil) }()
	over := a.server.killer.watch(ctx, slot.tag)
	defer over()
	returned := a.mustReturn(ctx)
	defer returned()
	return a.server.read(ctx, w, slot.conn, req)
}

// mustReturn waits for a statement that was told to stop. Most look up from their work many times a second, but the call
// of one function on one block does not: a statement can be made that keeps a core busy for hours. Such a one ends the
// whole process, and the supervisor starts the next, which is there in half a second.
func (a *analysts) mustReturn(ctx context.Context) (returned func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		patience := time.NewTimer(a.overdue)
		defer patience.Stop()
		select {
		case <-done:
		case <-patience.C:
			select {
			case a.wedged <- fmt.Errorf("chdb: a statement of an analyst has not stopped for %s: giving up the process", a.overdue):
			default:
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
