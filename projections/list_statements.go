package projections

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// ImportFilter says which of a merchant's imports are listed.
type ImportFilter struct {
	MerchantID    int64
	Mode          domain.Mode
	Source        reconciliation.Source // empty for all
	Status        journal.Status        // empty for all
	Offset, Limit uint64                // from the newest
	// UnderWay is what somebody is at, where the list is of now; nil where it is as the log had it.
	UnderWay *UnderWay
}

// UnderWay are the imports that are being compared: those, and what began after Since. Others that were begun only were cut off.
type UnderWay struct {
	IDs   []int64
	Since time.Time
}

// ImportRow is an import as it is listed.
type ImportRow struct {
	Version                                               eventstore.Position
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

// importColumnsSQL are what scanImport reads.
const importColumnsSQL = `version, id, channel_id, created_at, finished_at, period_from, period_until, source, status, sha256, message, currency, lines,
	matched, differences, statement_minor, booked_minor, difference_minor, explained_minor, unexplained_minor, balance_ties, balance_proven`

// importBecameSQL is when an import became what a version shows.
const importBecameSQL = "greatest(created_at, finished_at)"

func (f *ImportFilter) where() *where {
	w := newWhere(f.MerchantID, f.Mode)
	if f.Source != "" {
		w.add("source = {source:String}", clickhouse.Named("source", string(f.Source)))
	}
	return w
}

// standing is the rows of from as they stand now; w binds what it needs.
func (f *ImportFilter) standing(w *where, from string) string {
	if f.UnderWay == nil {
		return from
	}
	w.args = append(w.args, clickhouse.Named("under_way", append([]int64{}, f.UnderWay.IDs...)), clickhouse.Named("begun_after", millis(f.UnderWay.Since)))
	return " FROM (SELECT * REPLACE (if(status = 'processing' AND NOT has({under_way:Array(Int64)}, id) AND " +
		"toUnixTimestamp64Milli(created_at) <= {begun_after:Int64}, 'failed', status) AS status)" + from + ")"
}

// changing is the condition on what of an import changes; w binds what it needs.
func (f *ImportFilter) changing(w *where) string {
	if f.Status == "" {
		return "1"
	}
	w.args = append(w.args, clickhouse.Named("status", string(f.Status)))
	return "status = {status:String}"
}

// Imports lists a merchant's imports.
func (r *Reader) Imports(ctx context.Context, f ImportFilter) (ImportPage, error) {
	return r.imports(ctx, f, Moment{AsOf: eventstore.EndPosition})
}

// Imports lists a merchant's imports as of the moment.
func (p *Past) Imports(ctx context.Context, f ImportFilter, m Moment) (ImportPage, error) {
	return p.reader.imports(ctx, f, m)
}

func (r *Reader) imports(ctx context.Context, f ImportFilter, m Moment) (ImportPage, error) {
	w := f.where()
	from := f.standing(w, " FROM (SELECT "+importColumnsSQL+" FROM kipay.reconciliation_imports_gN WHERE "+w.sql()+m.where("version", importBecameSQL)+
		" ORDER BY version DESC LIMIT 1 BY id)") + " WHERE " + f.changing(w)
	rows, total, err := pageOf(ctx, r, listing[ImportRow]{
		"imports", importColumnsSQL, from, "id DESC", append(w.args, m.args()...), f.Offset, f.Limit, scanImport,
	})
	for i := range rows {
		if rows[i].Status == string(journal.Failed) && rows[i].FinishedAt.IsZero() {
			rows[i].Message = journal.CutOff
		}
	}
	return ImportPage{rows, total}, err
}

// scanImport reads a row of importColumnsSQL.
func scanImport(rows driver.Rows) (t ImportRow, err error) {
	var version uint64
	var currency string
	var ties, proven uint8
	err = rows.Scan(&version, &t.ID, &t.ChannelID, &t.CreatedAt, &t.FinishedAt, &t.From, &t.Until, &t.Source, &t.Status, &t.SHA256, &t.Message,
		&currency, &t.Lines, &t.Matched, &t.Differences, &t.Statement, &t.Booked, &t.Difference, &t.Explained, &t.Unexplained, &ties, &proven)
	t.Version, t.Currency, t.BalanceTies, t.BalanceProven = eventstore.Position(version), money.Currency(currency), ties == 1, proven == 1
	t.CreatedAt, t.FinishedAt, t.From, t.Until = momentOf(t.CreatedAt), momentOf(t.FinishedAt), momentOf(t.From), momentOf(t.Until)
	return t, err
}
