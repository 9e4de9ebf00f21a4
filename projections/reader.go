package projections

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/eventstore"
)

// Source tells which generation reads use and how far it has come. *Projector is one; *Follower is another, for nodes
// that don't project.
type Source interface {
	Generation() Generation
	Position() eventstore.Position
	WaitFor(ctx context.Context, at eventstore.Position) error
}

// defaultReadTimeout bounds a query of the read side, so that a wedged ClickHouse is answered for in time.
const defaultReadTimeout = 5 * time.Second

// Reader asks the read models. Errors are those of the driver, or ErrNotServing.
type Reader struct {
	conn    driver.Conn
	source  Source
	timeout time.Duration
}

// NewReader is a reader of the generation that the source names.
func NewReader(conn driver.Conn, source Source) *Reader {
	return &Reader{conn: conn, source: source, timeout: defaultReadTimeout}
}

// pending is what a source tells that writes through pending tables.
type pending interface {
	reading() Generation
	pendingMoves() (moves uint64, engine int)
	unmoved(ctx context.Context, ask func() error) error
}

// generation is the one to ask, through its pending tables where the source writes through them.
func (r *Reader) generation() Generation {
	if m, ok := r.source.(pending); ok {
		return m.reading()
	}
	return r.source.Generation()
}

// moves counts the beginnings and ends of moves of pending rows, and the starts of the engine, where the source knows any.
func (r *Reader) moves() (moves uint64, engine int) {
	if m, ok := r.source.(pending); ok {
		return m.pendingMoves()
	}
	return 0, 0
}

// unmoved asks while no rows are moved.
func (r *Reader) unmoved(ctx context.Context, ask func() error) error {
	if m, ok := r.source.(pending); ok {
		return m.unmoved(ctx, ask)
	}
	return ask()
}

// ErrNotServing: no generation of tables serves yet.
var ErrNotServing = errors.New("the read models are not ready yet")

// reach says whether a question reads tables that have a pending table in front.
type reach bool

const (
	memoryToo  reach = true
	tablesOnly reach = false
)

// on runs a question on the serving generation, and again when that was swapped out meanwhile, or when the replica that was
// asked lacks rows. While rows are moved they may be seen in neither place: a question that met a move is asked again, and the
// next move waits for it.
func (r *Reader) on(ctx context.Context, where reach, ask func(ctx context.Context, g Generation) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	behind := pauses{}
	for met := false; ; {
		before, engine := r.moves()
		g := r.generation()
		if g == 0 {
			return ErrNotServing
		}
		held := where == memoryToo && (met || before%2 == 1)
		var err error
		if held {
			err = r.unmoved(ctx, func() error { return ask(ctx, g) })
		} else {
			err = ask(ctx, g)
		}
		if isUnknownTable(err) && r.generation() != g {
			continue
		}
		if isBehind(err) && behind.wait(ctx) == nil {
			continue
		}
		after, now := r.moves()
		if engine != now {
			return ErrNotServing // the engine was started anew and lacks what it had in memory
		}
		if met = where == memoryToo && !held && before != after; met && err == nil {
			continue
		}
		return withoutQuestion(err)
	}
}

// withoutQuestion keeps what was asked for out of an error: over HTTP the driver's errors quote the whole address, and in that
// stands what somebody searched for.
func withoutQuestion(err error) error {
	var address *url.Error
	if !errors.As(err, &address) {
		return err
	}
	return &questionError{err}
}

type questionError struct{ err error }

var urlQuery = regexp.MustCompile(`\?[^"\s]*`)

func (e *questionError) Error() string { return urlQuery.ReplaceAllString(e.err.Error(), "") }
func (e *questionError) Unwrap() error { return e.err }

// each runs a query and calls scan for every row.
func (r *Reader) each(ctx context.Context, sql string, args []any, scan func(driver.Rows) error) error {
	rows, err := r.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// into gathers the values of the only column.
func into[T any](out *[]T) func(driver.Rows) error {
	return func(rows driver.Rows) error {
		var v T
		err := rows.Scan(&v)
		*out = append(*out, v)
		return err
	}
}

// millisArg binds a moment with the three decimals that the columns hold.
func millisArg(name string, at time.Time) driver.NamedDateValue {
	return clickhouse.DateNamed(name, at, clickhouse.MilliSeconds)
}

// The bounds of created_at where a question gives none. What is outside can't be held by the columns.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 1e6, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// within is the moment, or the nearest that the columns can be compared with.
func within(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}
