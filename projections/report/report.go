// Package report holds the reports that a finance team asks for: one file for each, which says what its figures are made of.
//
// A report is made of facts: payments as they were at a position of the log, or postings of the ledger. Each fact has values,
// and each figure follows from the values of the facts in its row by a rule that the answer names (Column.From), so that a
// figure can be taken apart into the facts that make it: its lineage. Rows and lineage are asked of the same facts.
//
// What must not live here: how reports are written (readapi).
package report

import (
	"fmt"
	"slices"
)

// Report is one report. Start reading at one of the files that make one, such as fees.go.
type Report struct {
	Name, Title string
	// Facts are what it is made of.
	Facts Facts
	// Where narrows the facts; empty for all.
	Where string
	// Dims are what rows can be grouped by, GroupBy those that are meant where nothing is asked for. Rows are always kept apart by
	// currency.
	Dims    []Dim
	GroupBy []string
	Values  []Value
	Columns []Column
	// Running makes a statement of the report: every fact is a row, in the order of time, with what they come to so far.
	Running bool
}

// Dim is something that rows are grouped by.
type Dim struct {
	// Name is what a question calls it, Column the name of its column.
	Name, Column string
	Type         Type
	SQL          string
	// Show is the value as text, of %s; as it is when empty.
	Show string
}

// text is the value of an expression of the dim as text.
func (d Dim) text(sql string) string {
	show := d.Show
	if show == "" {
		show = "%s"
	}
	return "toString(" + fmt.Sprintf(show, sql) + ")"
}

// Type is what a column holds.
type Type string

// The types. Amounts are of the row's currency; decimals have Scale places.
const (
	Text    Type = "string"
	Integer Type = "integer"
	Amount  Type = "money"
	Decimal Type = "decimal"
	Date    Type = "date"
	Instant Type = "datetime"
)

// Units of columns.
const (
	UnitMajor   = "major units of currency"
	UnitSeconds = "seconds"
	UnitPercent = "percent"
)

// Value is what a fact adds to figures: a whole number, in minor units where it is an amount.
type Value struct {
	Name  string
	Type  Type
	Unit  string
	Scale int // decimal places
	SQL   string
}

// Rule is how a figure follows from values.
type Rule string

// The rules.
const (
	Sum      Rule = "sum"
	Events   Rule = "events"   // how many events have a value that is not zero
	Percent  Rule = "percent"  // of two sums, to two decimal places
	Average  Rule = "average"  // rounded
	Quantile Rule = "quantile" // the value of that rank, none in between
	Most     Rule = "max"
)

// Column is a figure.
type Column struct {
	Name  string
	Type  Type
	Unit  string
	Scale int
	Rule  Rule
	// Of names the value, Per the one that Percent divides by. Level is Quantile's.
	Of, Per string
	Level   string
}

// From says how the figure follows from the values of the row's facts.
func (c Column) From() string {
	switch c.Rule {
	case Percent:
		return fmt.Sprintf("percent(%s, %s)", c.Of, c.Per)
	case Quantile:
		return fmt.Sprintf("quantile(%s, %s)", c.Level, c.Of)
	default:
		return fmt.Sprintf("%s(%s)", c.Rule, c.Of)
	}
}

// All are the reports, in the order of the documentation.
func All() []Report {
	return []Report{
		summary(),
		settlement(),
		fees(),
		failures(),
		conversion(),
		timeToPay(),
		ageing(),
		refunds(),
		payouts(),
		disputes(),
		reconciliation(),
		trialBalance(),
		merchantStatement(),
	}
}

// Named is the report of that name.
func Named(name string) (Report, bool) {
	all := All()
	i := slices.IndexFunc(all, func(r Report) bool { return r.Name == name })
	if i < 0 {
		return Report{}, false
	}
	return all[i], true
}

// Dim is what the name of a question means.
func (r *Report) Dim(name string) (Dim, bool) {
	i := slices.IndexFunc(r.Dims, func(d Dim) bool { return d.Name == name })
	if i < 0 {
		return Dim{}, false
	}
	return r.Dims[i], true
}

// DimNames are what rows can be grouped by.
func (r *Report) DimNames() []string {
	out := make([]string, len(r.Dims))
	for i, d := range r.Dims {
		out[i] = d.Name
	}
	return out
}

// total is a column that sums an amount.
func total(name string) (Value, Column) {
	return Value{Name: name, Type: Amount, Unit: UnitMajor}, Column{Name: name, Type: Amount, Unit: UnitMajor, Rule: Sum, Of: name}
}

// figures are columns with the values of the same names that they sum.
type figures struct {
	values  []Value
	columns []Column
}

func (f figures) amount(name, sql string) figures {
	v, c := total(name)
	v.SQL = sql
	return figures{append(f.values, v), append(f.columns, c)}
}

// payments counts those that the condition holds for.
func (f figures) payments(name, sql string) figures { return f.count(name, "payments", sql) }

func (f figures) count(name, unit, sql string) figures {
	v := Value{Name: name, Type: Integer, Unit: unit, SQL: sql}
	return figures{append(f.values, v), append(f.columns, Column{Name: name, Type: Integer, Unit: unit, Rule: Sum, Of: name})}
}

func (f figures) column(c Column) figures { return figures{f.values, append(f.columns, c)} }

func (f figures) value(v Value) figures { return figures{append(f.values, v), f.columns} }
