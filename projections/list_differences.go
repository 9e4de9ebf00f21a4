package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/eventstore"
)

// DifferenceFilter says which differences of an import are listed.
type DifferenceFilter struct {
	MerchantID    int64
	Mode          domain.Mode
	Import        int64
	Cause         reconciliation.Cause // empty for all
	State         reconciliation.State // empty for all
	Offset, Limit uint64
}

// DifferenceRow is a difference as it stands, or stood.
type DifferenceRow struct {
	N                                                           uint32 // its place in the import, from 1
	ID                                                          int64
	Cause, Rule, State, Receipt, Entry, Reference               string
	LineNumber                                                  uint32
	Candidates, Events                                          []string
	Currency                                                    money.Currency
	Amount, Stated, Booked                                      int64 // minor units
	At, ResolvedAt                                              time.Time
	Explanation, Line, Action, ResolvedTo, ResolvedBy, Decision string
}

// DifferencePage is a page of differences, in the order of the file, what only the books have last.
type DifferencePage struct {
	Rows  []DifferenceRow
	Total uint64
}

// differenceColumnsSQL are what scanDifference reads.
const differenceColumnsSQL = `n, id, cause, rule, state, receipt, entry, reference, line_number, candidates, event_ids, currency, amount_minor,
	stated_minor, booked_minor, at, explanation, line, action, resolved_to, resolved_by, decision, resolved_at`

func (f *DifferenceFilter) where() *where {
	w := newWhere(f.MerchantID, f.Mode)
	w.add("import_id = {import:Int64}", clickhouse.Named("import", f.Import))
	if f.Cause != "" {
		w.add("cause = {cause:String}", clickhouse.Named("cause", string(f.Cause)))
	}
	return w
}

// changing is the condition on what of a difference changes, which w binds; the state may have another name.
func (f *DifferenceFilter) changing(w *where, state string) string {
	if f.State == "" {
		return "1"
	}
	w.args = append(w.args, clickhouse.Named("state", string(f.State)))
	return state + " = {state:String}"
}

// differencesSQL are an import's differences as of a position and a time, which parameters are named for: none before all of them
// stood, each with the decision that counts then. where is the condition on what never changes.
func differencesSQL(where string, m Moment, asOf string) string {
	bound := func(effective string) string { // Moment.where, for parameters of other names
		return strings.ReplaceAll(m.where("version", effective), "{asof:", "{"+asOf+":")
	}
	const ofImport = "merchant_id = {merchant:Int64} AND mode = {mode:String} AND "
	done := func(what string) string {
		return "(SELECT max(" + what + ") FROM kipay.reconciliation_imports_gN WHERE " + ofImport + "id = {import:Int64} AND status = 'done'" + bound(importBecameSQL) + ")"
	}
	return `(SELECT d.*, r.action AS action, r.resolved_to AS resolved_to, r.resolved_by AS resolved_by, r.reason AS decision, r.resolved_at AS resolved_at,
			if(r.action = '', ` + done(importBecameSQL) + `, r.resolved_at) AS became, if(r.action IN ('', 'suspended'), toString(d.found_as), 'resolved') AS state
		FROM (SELECT * FROM kipay.reconciliation_differences_gN FINAL WHERE ` + where + ` AND n <= ` + done("differences") + `) AS d
		LEFT JOIN (SELECT * FROM kipay.reconciliation_resolutions_gN WHERE ` + ofImport + `import_id = {import:Int64}` + bound("resolved_at") +
		` ORDER BY version DESC LIMIT 1 BY n) AS r ON r.n = d.n)`
}

// Differences lists an import's differences as they stand now.
func (r *Reader) Differences(ctx context.Context, f DifferenceFilter) (DifferencePage, error) {
	return r.differences(ctx, f, Moment{AsOf: eventstore.EndPosition})
}

// Differences lists an import's differences as of the moment.
func (p *Past) Differences(ctx context.Context, f DifferenceFilter, m Moment) (DifferencePage, error) {
	return p.reader.differences(ctx, f, m)
}

func (r *Reader) differences(ctx context.Context, f DifferenceFilter, m Moment) (DifferencePage, error) {
	w := f.where()
	from := " FROM " + differencesSQL(w.sql(), m, "asof") + " WHERE " + f.changing(w, "state")
	rows, total, err := pageOf(ctx, r, listing[DifferenceRow]{
		"differences", differenceColumnsSQL, from, "n", append(w.args, m.args()...), f.Offset, f.Limit, scanDifference,
	})
	return DifferencePage{rows, total}, err
}

// scanDifference reads a row of differenceColumnsSQL.
func scanDifference(rows driver.Rows) (t DifferenceRow, err error) {
	var currency, candidates, events string
	err = rows.Scan(&t.N, &t.ID, &t.Cause, &t.Rule, &t.State, &t.Receipt, &t.Entry, &t.Reference, &t.LineNumber, &candidates, &events, &currency,
		&t.Amount, &t.Stated, &t.Booked, &t.At, &t.Explanation, &t.Line, &t.Action, &t.ResolvedTo, &t.ResolvedBy, &t.Decision, &t.ResolvedAt)
	t.Currency, t.Candidates, t.Events = money.Currency(currency), strings.Fields(candidates), strings.Fields(events)
	t.At, t.ResolvedAt = momentOf(t.At), momentOf(t.ResolvedAt)
	return t, err
}

// DifferenceChanges are what of an import's differences differs between two moments, in the order of the file: all of them where it
// was compared between them, else those about which something was decided. The filter's state is met at either moment.
func (p *Past) DifferenceChanges(ctx context.Context, f DifferenceFilter, b Between) (ChangePage[DifferenceRow], error) {
	r, w := p.reader, f.where()
	const columns = "SELECT n, state, became, cityHash64(state, action, resolved_to, resolved_by, decision, resolved_at) AS shown FROM "
	from := " FROM (" + columns + differencesSQL(w.sql(), b.after(), "asof") + ") AS a LEFT JOIN (" + columns + differencesSQL(w.sql(), b.before(), "since") +
		") AS b ON b.n = a.n WHERE a.shown != b.shown"
	if f.State != "" {
		from += " AND (" + f.changing(w, "a.state") + " OR b.state = {state:String})"
	}
	if b.From != nil {
		from += " AND a.became >= {happened:DateTime64(3,'UTC')}"
	}
	args := append(w.args, b.args()...)
	var page ChangePage[DifferenceRow]
	err := r.patient().on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		page = ChangePage[DifferenceRow]{}
		if err := r.conn.QueryRow(ctx, g.in("SELECT count()"+from), args...).Scan(&page.Total); err != nil {
			return err
		}
		var places []uint32
		paged := append(args[:len(args):len(args)], clickhouse.Named("limit", f.Limit), clickhouse.Named("offset", f.Offset))
		if err := r.each(ctx, g.in("SELECT a.n"+from+" ORDER BY a.n LIMIT {limit:UInt64} OFFSET {offset:UInt64}"), paged, into(&places)); err != nil || len(places) == 0 {
			return err
		}
		var found [2]map[uint32]*DifferenceRow // before and after
		for i, m := range []Moment{b.before(), b.after()} {
			found[i] = map[uint32]*DifferenceRow{}
			sql := g.in("SELECT " + differenceColumnsSQL + " FROM " + differencesSQL(w.sql()+" AND n IN {places:Array(UInt32)}", m, "asof"))
			of := append(w.args[:len(w.args):len(w.args)], append(m.args(), clickhouse.Named("places", places))...)
			if err := r.each(ctx, sql, of, func(rows driver.Rows) error {
				d, err := scanDifference(rows)
				found[i][d.N] = &d
				return err
			}); err != nil {
				return err
			}
		}
		for _, n := range places {
			page.Rows = append(page.Rows, Change[DifferenceRow]{found[0][n], found[1][n]})
		}
		return nil
	})
	if err != nil {
		return ChangePage[DifferenceRow]{}, fmt.Errorf("compare differences between positions %d and %d: %w", b.Since, b.Until, err)
	}
	return page, nil
}
