package readapi

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strconv"

	"github.com/benfex/kipay/domain/merchant"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections/report"
)

// reportWriter writes a report in one of the formats.
type reportWriter interface {
	row(*report.Row) error
	end([]report.Total) error
}

// reportWriter is what makes the writer of the format that is asked for.
func (a *api) reportWriter(ctx context.Context, q *asked) (func(io.Writer) reportWriter, error) {
	heads, keys := q.Heads()
	s := sheet{q, heads, keys}
	switch q.format {
	case formatCSV:
		return func(w io.Writer) reportWriter { return newCSVReport(s, w) }, nil
	case formatXLSX:
		return func(w io.Writer) reportWriter { return newXLSXReport(s, w, a.TempDir) }, nil
	case formatParquet:
		return func(w io.Writer) reportWriter { return newParquetReport(s, w) }, nil
	case formatPDF:
		name, err := a.merchantName(ctx, q.MerchantID)
		if err != nil {
			return nil, err
		}
		return func(w io.Writer) reportWriter { return newPDFStatement(s, w, name) }, nil
	default:
		return func(w io.Writer) reportWriter { return newJSONReport(s, w) }, nil
	}
}

func (a *api) writeReport(ctx context.Context, q *asked, w reportWriter) error {
	totals, err := q.Each(ctx, a.Reader, w.row)
	if err == nil {
		return w.end(totals)
	}
	if c, ok := w.(io.Closer); ok {
		return errors.Join(err, c.Close())
	}
	return err
}

// merchantName is what the merchant is called.
func (a *api) merchantName(ctx context.Context, id int64) (string, error) {
	var s merchant.State
	err := a.Log.EachInStream(ctx, merchant.Stream(id), 0, func(e eventstore.Envelope) error {
		s = s.Evolve(e.Event)
		return nil
	})
	return s.Name, logAway(err)
}

// sheet is what every format needs to know of the report.
type sheet struct {
	q     *asked
	heads []report.Head
	keys  int // how many of the heads come before the figures
}

// blank tells a figure of a row that has none there.
func (s *sheet) blank(r *report.Row, figure int) bool { return r.Balance && figure < len(r.Figures)-1 }

// appendFigure appends a figure as a decimal, an amount in major units.
func appendFigure(b []byte, h report.Head, n int64, c money.Currency) []byte {
	if h.Type == report.Amount {
		return money.Of(n, c).AppendDecimal(b)
	}
	return appendScaled(b, n, h.Scale)
}

// appendScaled appends a number of so many decimal places, without zeros at its end.
func appendScaled(b []byte, n int64, scale int) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	unit := int64(1)
	for range scale {
		unit *= 10
	}
	b = strconv.AppendInt(b, n/unit, 10)
	if n%unit == 0 {
		return b
	}
	b = append(b, '.')
	for rest := n % unit; rest > 0; rest = rest * 10 % unit {
		b = append(b, byte('0'+rest*10/unit))
	}
	return b
}

// jsonReport writes the answer of the API.
type jsonReport struct {
	sheet
	w    io.Writer
	e    encoder
	rows int
}

// jsonChunk is how much is written at once.
const jsonChunk = 32 << 10

func newJSONReport(s sheet, w io.Writer) *jsonReport {
	j := &jsonReport{sheet: s, w: w}
	e, q := &j.e, s.q
	e.b = append(e.b, '{')
	e.text("status", "success")
	e.key("report")
	e.b = append(e.b, '{')
	e.text("name", q.Report.Name)
	e.text("title", q.Report.Title)
	e.textOrNull("from", dayOf(q.From))
	e.textOrNull("to", dayOf(q.To))
	e.text("tz", q.Zone.String())
	e.stamp("as_of", q.asOf)
	e.position(q.AsOf)
	e.key("group_by")
	e.b = append(e.b, '[')
	for i, name := range q.GroupBy {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.b = appendText(e.b, name)
	}
	e.b = append(e.b, ']')
	e.array("columns", len(s.heads), func(i int) {
		h := s.heads[i]
		e.text("name", h.Name)
		e.text("type", string(h.Type))
		e.textOrNull("unit", h.Unit)
		if h.From != "" {
			e.text("from", h.From)
		}
	})
	e.key("rows")
	e.b = append(e.b, '[')
	return j
}

func (j *jsonReport) row(r *report.Row) error {
	e := &j.e
	if j.rows > 0 {
		e.b = append(e.b, ',')
	}
	j.rows++
	e.b = append(e.b, '{')
	for i, value := range r.Keys {
		if h := j.heads[i]; h.Type == report.Integer && value != "" {
			e.key(h.Name)
			e.b = append(e.b, value...)
		} else {
			e.textOrNull(h.Name, value)
		}
	}
	for i, n := range r.Figures {
		if j.blank(r, i) {
			e.null(j.heads[j.keys+i].Name)
		} else {
			e.figure(j.heads[j.keys+i], n, r.Currency)
		}
	}
	e.text("lineage", j.q.lineageOf(r, j.heads))
	e.b = append(e.b, '}')
	if len(e.b) < jsonChunk {
		return nil
	}
	return j.flush()
}

func (j *jsonReport) flush() error {
	_, err := j.w.Write(j.e.b)
	j.e.b = j.e.b[:0]
	return err
}

func (e *encoder) figure(h report.Head, n int64, c money.Currency) {
	e.key(h.Name)
	e.b = appendFigure(e.b, h, n, c)
}

// end writes what the report comes to. In several currencies only what can be added up has one total.
func (j *jsonReport) end(totals []report.Total) error {
	e := &j.e
	e.b = append(e.b, ']')
	e.object("totals", func() { j.total(totals) })
	e.array("totals_by_currency", len(totals), func(i int) { j.total(totals[i : i+1]) })
	e.b = append(e.b, '}', '}')
	return j.flush()
}

// total writes the members of a total: of one currency, of several, or of nothing at all.
func (j *jsonReport) total(totals []report.Total) {
	e := &j.e
	link := j.q.link(j.q.From, j.q.To)
	switch len(totals) {
	case 1:
		t := &totals[0]
		e.textOrNull("currency", string(t.Currency))
		for i, h := range t.Heads {
			e.figure(h, t.Figures[i], t.Currency)
		}
		link += "&currency=" + cmp.Or(string(t.Currency), report.None)
	case 0:
		e.null("currency")
		for _, h := range j.heads[j.keys:] {
			e.figure(h, 0, "")
		}
	default:
		e.null("currency")
		for i, h := range totals[0].Heads {
			rule := report.Rule("")
			if !j.q.Report.Running {
				rule = j.q.Report.Columns[i].Rule
			}
			if h.Type == report.Amount || rule != report.Sum {
				e.null(h.Name)
				continue
			}
			var sum int64
			for _, t := range totals {
				sum += t.Figures[i]
			}
			e.figure(h, sum, "")
		}
	}
	e.text("lineage", link)
}

// csvReport writes a line with the names and one for each row.
type csvReport struct {
	sheet
	w      *csv.Writer
	fields []string
}

const lineageColumn = "lineage"

func newCSVReport(s sheet, w io.Writer) *csvReport {
	c := &csvReport{sheet: s, w: csv.NewWriter(w)}
	for _, h := range s.heads {
		c.fields = append(c.fields, h.Name)
	}
	_ = c.w.Write(append(c.fields, lineageColumn)) // an error stays with the writer
	return c
}

func (c *csvReport) row(r *report.Row) error {
	c.fields = append(c.fields[:0], r.Keys...)
	for i, n := range r.Figures {
		if c.blank(r, i) {
			c.fields = append(c.fields, "")
		} else {
			c.fields = append(c.fields, string(appendFigure(nil, c.heads[c.keys+i], n, r.Currency)))
		}
	}
	return c.w.Write(append(c.fields, c.q.lineageOf(r, c.heads)))
}

func (c *csvReport) end([]report.Total) error {
	c.w.Flush()
	return c.w.Error()
}
