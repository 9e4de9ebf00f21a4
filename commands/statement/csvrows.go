package statement

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// row is one row of a table.
type row struct {
	number int
	cells  []string // reused by the next row
}

// rowSource gives the rows of a table. next answers io.EOF behind the last, a *LineError for a row that can't be read but
// can be passed over, and any other error for the end of it all.
type rowSource interface {
	next() (row, error)
}

// guard refuses to hand out more than so many bytes between two calls of allow, so that a quote that nobody closes does
// not draw a whole file into memory.
type guard struct {
	in   io.Reader
	left int
}

var errRecordTooLong = fmt.Errorf("%w: a single line or entry is longer than any statement's", ErrTooLarge)

func (g *guard) allow() { g.left = 2 * MaxRecordBytes }

// Read reads, as long as it is allowed.
func (g *guard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errRecordTooLong
	}
	n, err := g.in.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// csvRows are the rows of a CSV file.
type csvRows struct {
	guard *guard
	in    *csv.Reader
}

func newCSVRows(r io.Reader, delimiter rune) *csvRows {
	g := &guard{in: r}
	in := csv.NewReader(g)
	in.Comma, in.FieldsPerRecord, in.ReuseRecord = delimiter, -1, true
	return &csvRows{guard: g, in: in}
}

func (c *csvRows) next() (row, error) {
	c.guard.allow()
	cells, err := c.in.Read()
	var broken *csv.ParseError
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		return row{}, io.EOF
	case errors.As(err, &broken):
		if errors.Is(err, errRecordTooLong) {
			return row{}, errRecordTooLong
		}
		return row{}, &LineError{Line: broken.StartLine, Reason: "has quotation marks in the wrong places"}
	default:
		return row{}, err
	}
	number, _ := c.in.FieldPos(0)
	if len(cells) > MaxColumns {
		return row{}, &LineError{Line: number, Reason: "has too many columns"}
	}
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return row{}, &LineError{Line: number, Reason: "is not UTF-8: say that the file is in windows-1252, if it is"}
		}
		cells[i] = clean(cell)
	}
	return row{number: number, cells: cells}, nil
}
