package statement

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The names of columns, as errors give them.
const (
	columnReceipt   = "Receipt No."
	columnCompleted = "Completion Time"
	columnInitiated = "Initiation Time"
	columnDetails   = "Details"
	columnStatus    = "Transaction Status"
	columnPaidIn    = "Paid In"
	columnWithdrawn = "Withdrawn"
	columnBalance   = "Balance"
	columnReason    = "Reason Type"
	columnParty     = "Other Party Info"
	columnLinked    = "Linked Transaction ID"
	columnAccount   = "A/C No."
	columnPeriod    = "Time Period"
	columnCurrency  = "Currency"
	columnReference = "Reference"
	columnID        = "ID"
	columnAmount    = "Amount"
	columnFees      = "Fees"
	columnDate      = "Date"
)

// chooseDelimiter looks which mark between cells gives a row that isHeader knows, and gives back the whole text.
func (f *File) chooseDelimiter(text io.Reader, isHeader func([]string) bool) (io.Reader, rune, error) {
	in := bufio.NewReaderSize(text, sniffBytes)
	head, err := in.Peek(sniffBytes)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, 0, fmt.Errorf("read the begin of the statement: %w", err)
	}
	for _, mark := range delimiters() {
		r := csv.NewReader(bytes.NewReader(head))
		r.Comma, r.FieldsPerRecord, r.LazyQuotes = mark, -1, true
		for range headerRows {
			cells, err := r.Read()
			if err != nil {
				break
			}
			for i := range cells {
				cells[i] = folded(cells[i])
			}
			if isHeader(cells) {
				return in, mark, nil
			}
		}
	}
	return nil, 0, fmt.Errorf("%w: no row has the names of the columns", ErrUnknown)
}

// findHeader reads to the row with the columns' names. What stands above it goes to above.
func findHeader(rows rowSource, isHeader func([]string) bool, above func(row) error) ([]string, error) {
	for range headerRows {
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		names := make([]string, len(r.cells))
		for i, c := range r.cells {
			names[i] = folded(c)
		}
		if isHeader(names) {
			return names, nil
		}
		if above != nil {
			if err := above(r); err != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("%w: no row has the names of the columns", ErrUnknown)
}

// place is where the first of some names stands, -1 if nowhere.
func place(names []string, any ...string) int {
	for _, want := range any {
		for i, n := range names {
			if n == want {
				return i
			}
		}
	}
	return -1
}

// twice is a name that more than one column has, of those that are used.
func twice(names []string, used ...int) string {
	for _, u := range used {
		if u < 0 {
			continue
		}
		for i, n := range names {
			if i != u && n == names[u] {
				return n
			}
		}
	}
	return ""
}

// cell is the cell of a column, empty when the row or the table has none.
func (r *row) cell(column int) string {
	if column < 0 || column >= len(r.cells) {
		return ""
	}
	return r.cells[column]
}

// filled is how many cells say something.
func (r *row) filled() int {
	n := 0
	for _, c := range r.cells {
		if c != "" {
			n++
		}
	}
	return n
}

// wrong is an error of one column of the row.
func (r *row) wrong(column string, err error) error {
	return &LineError{Line: r.number, Column: column, Reason: strings.TrimPrefix(err.Error(), "money: ")}
}

func (r *row) wrongText(column, reason string) error {
	return &LineError{Line: r.number, Column: column, Reason: reason}
}
