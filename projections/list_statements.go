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
	"github.com/benfex/kipay/domain/reconciliation/journal"
)

// ImportFilter says which of a merchant's imports are listed.
type ImportFilter struct {
	MerchantID    int64
	Mode          domain.Mode
	Source        reconciliation.Source // empty for all
	Status        journal.Status        // empty for all
	Offset, Limit uint64                // from the newest
}

// ImportRow is an import as it is listed.
type ImportRow struct {
	ID, ChannelID                                         int64
	CreatedAt, FinishedAt, From, Until                    time.Time
	Source, Status, SHA256, Message                       string
	Currency                                              money.Currency
	Lines, Matched, Differences                           uint32
	Statement, Booked, Difference, Explained, Unexplained int64 // minor units
	BalanceTies, BalanceProven                            bool
}

// ImportPage is a page of imports, newest first.
type ImportPage struct {
	Rows  []ImportRow
	Total uint64
}

// Imports lists a merchant's imports.
func (r *Reader) Imports(ctx context.Context, f ImportFilter) (ImportPage, error) {
	w := newWhere(f.MerchantID, f.Mode)
	if f.Source != "" {
		w.add("source = {source:String}", clickhouse.Named("source", string(f.Source)))
	}
	if f.Status != "" {
		w.add("status = {status:String}", clickhouse.Named("status", string(f.Status)))
	}
	var page ImportPage
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		page = ImportPage{}
		from := " FROM kipay.reconciliation_imports_gN FINAL WHERE " + w.sql()
		if err := r.conn.QueryRow(ctx, g.in("SELECT count()"+from), w.args...).Scan(&page.Total); err != nil {
			return err
		}
		sql := g.in(`SELECT id, channel_id, created_at, finished_at, period_from, period_until, source, status, sha256, message, currency, lines, matched,
			differences, statement_minor, booked_minor, difference_minor, explained_minor, unexplained_minor, balance_ties, balance_proven` + from +
			" ORDER BY id DESC LIMIT {limit:UInt64} OFFSET {offset:UInt64}")
		return r.each(ctx, sql, w.paged(f.Limit, f.Offset), func(rows driver.Rows) error {
			var t ImportRow
			var currency string
			var ties, proven uint8
			err := rows.Scan(&t.ID, &t.ChannelID, &t.CreatedAt, &t.FinishedAt, &t.From, &t.Until, &t.Source, &t.Status, &t.SHA256, &t.Message,
				&currency, &t.Lines, &t.Matched, &t.Differences, &t.Statement, &t.Booked, &t.Difference, &t.Explained, &t.Unexplained, &ties, &proven)
			t.Currency, t.BalanceTies, t.BalanceProven = money.Currency(currency), ties == 1, proven == 1
			t.CreatedAt, t.FinishedAt, t.From, t.Until = momentOf(t.CreatedAt), momentOf(t.FinishedAt), momentOf(t.From), momentOf(t.Until)
			page.Rows = append(page.Rows, t)
			return err
		})
	})
	if err != nil {
		return ImportPage{}, fmt.Errorf("list imports: %w", err)
	}
	return page, nil
}

// DifferenceFilter says which differences of an import are listed.
type DifferenceFilter struct {
	MerchantID    int64
	Mode          domain.Mode
	Import        int64
	Cause         reconciliation.Cause // empty for all
	State         reconciliation.State // empty for all
	Offset, Limit uint64
}

// DifferenceRow is a difference as it stands now.
type DifferenceRow struct {
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

// Differences lists an import's differences.
func (r *Reader) Differences(ctx context.Context, f DifferenceFilter) (DifferencePage, error) {
	w := newWhere(f.MerchantID, f.Mode)
	w.add("import_id = {import:Int64}", clickhouse.Named("import", f.Import))
	if f.Cause != "" {
		w.add("cause = {cause:String}", clickhouse.Named("cause", string(f.Cause)))
	}
	outer := ""
	if f.State != "" {
		outer = " WHERE state = {state:String}"
		w.args = append(w.args, clickhouse.Named("state", string(f.State)))
	}
	// A decision is looked for among the import's alone; resolutions of an import without any leave the state as it was found.
	from := ` FROM (SELECT d.*, r.action AS action, r.resolved_to AS resolved_to, r.resolved_by AS resolved_by, r.reason AS decision,
			r.resolved_at AS resolved_at, if(r.action IN ('', 'suspended'), toString(d.found_as), 'resolved') AS state
		FROM (SELECT * FROM kipay.reconciliation_differences_gN FINAL WHERE ` + w.sql() + `) AS d
		LEFT JOIN (SELECT * FROM kipay.reconciliation_resolutions_gN FINAL
			WHERE merchant_id = {merchant:Int64} AND mode = {mode:String} AND import_id = {import:Int64}) AS r ON r.n = d.n)` + outer
	var page DifferencePage
	err := r.on(ctx, tablesOnly, func(ctx context.Context, g Generation) error {
		page = DifferencePage{}
		if err := r.conn.QueryRow(ctx, g.in("SELECT count()"+from), w.args...).Scan(&page.Total); err != nil {
			return err
		}
		sql := g.in(`SELECT id, cause, rule, state, receipt, entry, reference, line_number, candidates, event_ids, currency, amount_minor, stated_minor,
			booked_minor, at, explanation, line, action, resolved_to, resolved_by, decision, resolved_at` + from +
			" ORDER BY n LIMIT {limit:UInt64} OFFSET {offset:UInt64}")
		return r.each(ctx, sql, w.paged(f.Limit, f.Offset), func(rows driver.Rows) error {
			var t DifferenceRow
			var currency, candidates, events string
			err := rows.Scan(&t.ID, &t.Cause, &t.Rule, &t.State, &t.Receipt, &t.Entry, &t.Reference, &t.LineNumber, &candidates, &events, &currency,
				&t.Amount, &t.Stated, &t.Booked, &t.At, &t.Explanation, &t.Line, &t.Action, &t.ResolvedTo, &t.ResolvedBy, &t.Decision, &t.ResolvedAt)
			t.Currency, t.Candidates, t.Events = money.Currency(currency), strings.Fields(candidates), strings.Fields(events)
			t.At, t.ResolvedAt = momentOf(t.At), momentOf(t.ResolvedAt)
			page.Rows = append(page.Rows, t)
			return err
		})
	})
	if err != nil {
		return DifferencePage{}, fmt.Errorf("list differences: %w", err)
	}
	return page, nil
}
