package readapi

import (
	"io"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/benfex/kipay/projections/report"
)

const (
	// parquetGroup is how many rows are held in memory until they are written.
	parquetGroup = 1 << 16
	// amounts have as many digits as an int64, of which these are decimal places: as many as any currency here has.
	parquetDigits = 18
	parquetPlaces = 2
)

// parquetReport writes a file of Parquet: texts, whole numbers, and exact decimals. Amounts are of the row's currency.
type parquetReport struct {
	sheet
	w    *parquet.GenericWriter[any]
	rows []parquet.Row
}

func newParquetReport(s sheet, w io.Writer) *parquetReport {
	return &parquetReport{sheet: s, w: parquet.NewGenericWriter[any](w, s.parquetSchema(), parquet.Compression(&parquet.Snappy), parquet.MaxRowsPerRowGroup(parquetGroup))}
}

func (s *sheet) parquetSchema() *parquet.Schema {
	g := orderedGroup{Group: parquet.Group{}}
	for i, h := range s.heads {
		n := parquet.String()
		switch h.Type {
		case report.Amount:
			n = parquet.Decimal(parquetPlaces, parquetDigits, parquet.Int64Type)
		case report.Decimal:
			n = parquet.Decimal(h.Scale, parquetDigits, parquet.Int64Type)
		case report.Integer:
			n = parquet.Int(64)
		default: // a text
		}
		if i < s.keys || s.q.Report.Running {
			n = parquet.Optional(n)
		}
		g.add(h.Name, n)
	}
	g.add(lineageColumn, parquet.String())
	return parquet.NewSchema(s.q.Report.Name, g)
}

// orderedGroup is a group whose columns keep their order; the library's are in that of their names.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g *orderedGroup) add(name string, n parquet.Node) {
	g.Group[name] = n
	g.fields = append(g.fields, orderedField{n, name})
}

// Fields are the columns.
func (g orderedGroup) Fields() []parquet.Field { return g.fields }

type orderedField struct {
	parquet.Node
	name string
}

// Name is the column's.
func (f orderedField) Name() string { return f.name }

// Value is asked for by those who write Go values, which nobody does here.
func (f orderedField) Value(base reflect.Value) reflect.Value {
	return base.MapIndex(reflect.ValueOf(f.name))
}

func (p *parquetReport) row(r *report.Row) error {
	row := make(parquet.Row, 0, len(p.heads)+1)
	for i, value := range r.Keys {
		row = append(row, p.key(i, value))
	}
	for i, n := range r.Figures {
		column := p.keys + i
		v := parquet.Int64Value(n)
		level := 0
		if p.q.Report.Running { // optional: the level says whether it is there
			level = 1
			if p.blank(r, i) {
				v, level = parquet.NullValue(), 0
			}
		}
		row = append(row, v.Level(0, level, column))
	}
	row = append(row, parquet.ByteArrayValue([]byte(p.q.lineageOf(r, p.heads))).Level(0, 0, len(p.heads)))
	p.rows = append(p.rows[:0], row)
	_, err := p.w.WriteRows(p.rows)
	return err
}

// key is the value of an optional column.
func (p *parquetReport) key(i int, value string) parquet.Value {
	if value == "" {
		return parquet.NullValue().Level(0, 0, i)
	}
	if p.heads[i].Type == report.Integer {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return parquet.NullValue().Level(0, 0, i)
		}
		return parquet.Int64Value(n).Level(0, 1, i)
	}
	return parquet.ByteArrayValue([]byte(value)).Level(0, 1, i)
}

func (p *parquetReport) end([]report.Total) error { return p.w.Close() }
