package readapi

import (
	"errors"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"

	"github.com/benfex/kipay/projections/report"
)

// maxSheetRows is how many rows one sheet of a workbook can have; a longer report goes on in the next.
const maxSheetRows = 1 << 20

// xlsxReport writes a workbook: a sheet with the rows, more where they don't fit, and one that says what the report is and comes
// to. What does not fit into memory waits in temporary files.
type xlsxReport struct {
	sheet
	w      io.Writer
	book   *excelize.File
	stream *excelize.StreamWriter
	sheets int
	row1   int // rows of the sheet so far
	cells  []any
	header []any
	err    error
}

func newXLSXReport(s sheet, w io.Writer, tempDir string) *xlsxReport {
	x := &xlsxReport{sheet: s, w: w, book: excelize.NewFile(excelize.Options{TmpDir: tempDir})}
	bold, err := x.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	for _, h := range s.heads {
		x.header = append(x.header, excelize.Cell{StyleID: bold, Value: h.Name})
	}
	x.header = append(x.header, excelize.Cell{StyleID: bold, Value: lineageColumn})
	x.err = errors.Join(err, x.book.SetSheetName("Sheet1", x.sheetName(1)))
	if x.err == nil {
		x.err = x.next()
	}
	return x
}

func (x *xlsxReport) sheetName(n int) string {
	if n == 1 {
		return x.q.Report.Name
	}
	return x.q.Report.Name + " " + strconv.Itoa(n)
}

// next begins a sheet.
func (x *xlsxReport) next() error {
	if x.stream != nil {
		if err := x.stream.Flush(); err != nil {
			return err
		}
	}
	x.sheets++
	if x.sheets > 1 {
		if _, err := x.book.NewSheet(x.sheetName(x.sheets)); err != nil {
			return err
		}
	}
	var err error
	if x.stream, err = x.book.NewStreamWriter(x.sheetName(x.sheets)); err != nil {
		return err
	}
	if err := x.stream.SetColWidth(1, len(x.heads), 18); err != nil {
		return err
	}
	x.row1 = 1
	return x.stream.SetRow("A1", x.header)
}

func (x *xlsxReport) row(r *report.Row) error {
	if x.err != nil {
		return x.err
	}
	if x.row1 == maxSheetRows {
		if err := x.next(); err != nil {
			return err
		}
	}
	x.cells = x.cells[:0]
	for i, value := range r.Keys {
		x.cells = append(x.cells, x.key(i, value))
	}
	for i, n := range r.Figures {
		if x.blank(r, i) {
			x.cells = append(x.cells, nil)
		} else {
			x.cells = append(x.cells, number(string(appendFigure(nil, x.heads[x.keys+i], n, r.Currency))))
		}
	}
	x.cells = append(x.cells, x.q.lineageOf(r, x.heads))
	x.row1++
	return x.stream.SetRow("A"+strconv.Itoa(x.row1), x.cells)
}

func (x *xlsxReport) key(i int, value string) any {
	if x.heads[i].Type == report.Integer {
		return number(value)
	}
	return value
}

// number is a decimal as a workbook holds it, which knows no other numbers: what it shows is the decimal again, up to 15 digits.
func number(decimal string) any {
	f, err := strconv.ParseFloat(decimal, 64)
	if err != nil {
		return decimal
	}
	return f
}

func (x *xlsxReport) end(totals []report.Total) error {
	if x.err != nil {
		return x.err
	}
	if err := x.stream.Flush(); err != nil {
		return err
	}
	const about = "about"
	if _, err := x.book.NewSheet(about); err != nil {
		return err
	}
	s, err := x.book.NewStreamWriter(about)
	if err != nil {
		return err
	}
	q, line := x.q, 0
	add := func(cells ...any) {
		line++
		err = errors.Join(err, s.SetRow("A"+strconv.Itoa(line), cells))
	}
	add("report", q.Report.Title)
	add("from", dayOf(q.From))
	add("to", dayOf(q.To))
	add("time zone", q.Zone.String())
	add("as of", report.Stamp(q.asOf))
	add("position", uint64(q.AsOf))
	for _, t := range totals {
		for i, h := range t.Heads {
			add("total "+h.Name, number(string(appendFigure(nil, h, t.Figures[i], t.Currency))), string(t.Currency), h.Unit)
		}
	}
	if err != nil {
		return err
	}
	if err := s.Flush(); err != nil {
		return err
	}
	_, err = x.book.WriteTo(x.w)
	return errors.Join(err, x.book.Close()) // which removes the temporary files
}

// Close gives back what a report that was broken off holds.
func (x *xlsxReport) Close() error { return x.book.Close() }
