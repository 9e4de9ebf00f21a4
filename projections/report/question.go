package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
)

// Question is what is asked of a report.
type Question struct {
	Report     Report
	MerchantID int64
	Mode       domain.Mode
	// AsOf is what was known: events at or before it. Now is the moment that ages are counted to.
	AsOf eventstore.Position
	Now  time.Time
	// Until is what had happened by then; nil for all.
	Until *time.Time
	// From and To are calendar days in Zone, both included, nil for no bound.
	From, To *projections.Day
	Zone     *time.Location
	// Channel is 0 for all.
	Channel int64
	// GroupBy are names of the report's Dims; Narrow keeps the facts of one row, column by column.
	GroupBy []string
	Narrow  []Narrowing
}

// Narrowing is a column and the value that it has to have.
type Narrowing struct{ Column, Value string }

// None stands for a value that is empty, where an empty one would mean that nothing was asked for.
const None = "none"

// EntryColumn is what the lines of a statement are narrowed by.
const EntryColumn = "entry"

// grouped are the dims of the rows: those asked for, then the currency.
func (q *Question) grouped() []Dim {
	out := make([]Dim, 0, len(q.GroupBy)+1)
	for _, name := range q.GroupBy {
		if d, ok := q.Report.Dim(name); ok {
			out = append(out, d)
		}
	}
	return append(out, currency())
}

// Narrowable are the columns that the report's facts can be narrowed by, with what they are in SQL.
func (r *Report) narrowable() []Dim {
	out := append(slices.Clone(r.Dims), currency())
	if r.Running {
		out = append(out, Dim{Column: EntryColumn, SQL: "entry_id"})
	}
	return out
}

// Narrowable are the names of the columns that the report's facts can be narrowed by.
func (r *Report) Narrowable() []string {
	var out []string
	for _, d := range r.narrowable() {
		out = append(out, d.Column)
	}
	return out
}

// The bounds of moments that columns can be compared with.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 1e6, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

func within(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}

// args is what the question binds. whole is the position up to which the tables have every change.
func (q *Question) args(whole eventstore.Position) []any {
	moment := func(name string, t time.Time) any {
		return clickhouse.DateNamed(name, within(t), clickhouse.MilliSeconds)
	}
	from, before, until := earliest, latest, latest
	if q.From != nil {
		from = projections.DayStart(*q.From, q.Zone)
	}
	if q.To != nil {
		before = projections.DayStart(*q.To+1, q.Zone)
	}
	if q.Until != nil {
		until = *q.Until
	}
	args := []any{
		clickhouse.Named("merchant", q.MerchantID), clickhouse.Named("mode", string(q.Mode)), clickhouse.Named("asof", uint64(q.AsOf)),
		moment("from", from), moment("before", before), moment("until", until), moment("now", q.Now), clickhouse.Named("tz", q.Zone.String()),
		clickhouse.Named("whole", uint64(whole)), clickhouse.Named("settled", uint64(min(whole, q.AsOf))), clickhouse.Named("channel", q.Channel),
	}
	for i, n := range q.Narrow {
		value := n.Value
		if value == None {
			value = ""
		}
		args = append(args, clickhouse.Named(fmt.Sprintf("n%d", i), value))
	}
	return args
}

// facts is the question's facts, with their values and what rows are grouped by.
func (q *Question) facts(dims []Dim) string {
	var b strings.Builder
	b.WriteString("SELECT *")
	for i, d := range dims {
		fmt.Fprintf(&b, ", %s AS d%d", d.SQL, i)
	}
	for i, v := range q.Report.Values {
		fmt.Fprintf(&b, ", toInt64(%s) AS v%d", v.SQL, i)
	}
	b.WriteString("\nFROM (" + q.Report.Facts.sql(q.Until != nil) + ")\nWHERE 1")
	if q.Report.Where != "" {
		b.WriteString(" AND (" + q.Report.Where + ")")
	}
	if q.Channel != 0 {
		b.WriteString(" AND channel_id = {channel:Int64}")
	}
	for i, n := range q.Narrow {
		for _, d := range q.Report.narrowable() {
			if d.Column == n.Column {
				fmt.Fprintf(&b, " AND %s = {n%d:String}", d.text(d.SQL), i)
			}
		}
	}
	return b.String()
}

// valueOf is the column of a value.
func (q *Question) valueOf(name string) string {
	return fmt.Sprintf("v%d", slices.IndexFunc(q.Report.Values, func(v Value) bool { return v.Name == name }))
}

// figure is a column in SQL.
func (q *Question) figure(c Column) string {
	of := q.valueOf(c.Of)
	switch c.Rule {
	case Events:
		return "toInt64(uniqExactIf(position, " + of + " != 0))"
	case Percent:
		per := q.valueOf(c.Per)
		return fmt.Sprintf("if(sum(%[2]s) = 0, 0, intDiv(20000 * sum(%[1]s) + sum(%[2]s), 2 * sum(%[2]s)))", of, per)
	case Average:
		return fmt.Sprintf("if(count() = 0, 0, intDiv(2 * sum(%s) + toInt64(count()), 2 * toInt64(count())))", of)
	case Quantile:
		return "quantileExact(" + c.Level + ")(" + of + ")"
	case Most:
		return "max(" + of + ")"
	default:
		return "sum(" + of + ")"
	}
}

// rows is the question for the rows.
func (q *Question) rows() string {
	dims := q.grouped()
	var keys, names, figures []string
	for i, d := range dims {
		name := fmt.Sprintf("d%d", i)
		keys, names = append(keys, d.text(name)), append(names, name)
	}
	for _, c := range q.Report.Columns {
		figures = append(figures, "toInt64("+q.figure(c)+")")
	}
	by := strings.Join(names, ", ")
	return "SELECT " + strings.Join(append(keys, figures...), ", ") + "\nFROM (" + q.facts(dims) + ")\nGROUP BY " + by + " ORDER BY " + by
}

// lines is the question for the lines of a statement.
func (q *Question) lines() string {
	return "SELECT " + entryFactColumns + ", " + q.valueList() + "\nFROM (" + q.facts(nil) + ")\nORDER BY currency, effective_at, position, line"
}

// What is told of facts.
const (
	entryFactColumns = `position, line, event_id, event_type, reference, account, currency, channel_id, debit_minor, credit_minor,
	effective_at, recorded_at, period`
	differenceFactColumns = "position, id, import_id, cause, rule, state, line_number, reference, receipt, event_ids, currency, channel_id, moment"
	paymentFactColumns    = "position, id, reference, status, currency, amount_minor, channel_id, created_at"
	disputeFactColumns    = paymentFactColumns + ", due_at"
)

func (q *Question) valueList() string {
	var out []string
	for i := range q.Report.Values {
		out = append(out, fmt.Sprintf("v%d", i))
	}
	return strings.Join(out, ", ")
}

// lineage is the question for the facts of a row, a page of them.
func (q *Question) lineage() string {
	columns := entryFactColumns
	switch q.Report.Facts {
	case Payments, Payouts:
		columns = paymentFactColumns
	case Disputes:
		columns = disputeFactColumns
	case Differences:
		columns = differenceFactColumns
	case Entries:
	}
	return "SELECT " + columns + ", " + q.valueList() + "\nFROM (" + q.facts(nil) + ")\nORDER BY " + q.Report.Facts.order() +
		" LIMIT {limit:UInt64} OFFSET {offset:UInt64}"
}

func (q *Question) count() string { return "SELECT count() FROM (" + q.facts(nil) + ")" }

// settings let large sorts and groupings go to disk instead of failing. Payments that changed are found by sets of references far too
// large to be tried on the index of references, granule by granule.
func (q *Question) settings() clickhouse.Settings {
	s := clickhouse.Settings{"max_bytes_before_external_sort": spillBytes, "max_bytes_before_external_group_by": spillBytes}
	if q.Report.Facts == Payments {
		s["use_skip_indexes"] = 0
	}
	return s
}

// spillBytes is well below what one read may use.
const spillBytes = 64 << 20
