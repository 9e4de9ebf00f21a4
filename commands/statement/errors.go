package statement

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of files.
var (
	// ErrUnknown is a file of which nobody can say what it is.
	ErrUnknown = errors.New("it is none of the statements that can be read")
	// ErrOldExcel is a workbook of Excel 97 to 2003, or an encrypted one.
	ErrOldExcel = errors.New("it is an old or an encrypted Excel file: save it as XLSX or CSV, without a password")
	// ErrTooLarge is a file over a limit.
	ErrTooLarge = errors.New("it is too large")
	// ErrDamaged is a file that ends or breaks where it should not.
	ErrDamaged = errors.New("it is damaged or incomplete")
	// ErrMapping is a mapping that does not fit the file or itself.
	ErrMapping = errors.New("the mapping does not fit")
	// ErrTotals is a file whose lines don't add up to what its header or trailer states.
	ErrTotals = errors.New("its lines do not add up to its own totals")
)

// LineError is what is wrong with one line.
type LineError struct {
	// Line is the number of the line or row in the file, from 1.
	Line int `json:"line"`
	// Column is the column's name as we know it, empty when it is the whole line.
	Column string `json:"column,omitempty"`
	Reason string `json:"reason"`
}

// Error says it in one line.
func (e *LineError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Column, e.Reason)
}

// Refused is a file with bad lines. Nothing of it is to be imported.
type Refused struct {
	// Lines are the first MaxBadLines of them, Count is how many there are.
	Lines []LineError
	Count int
	// Totals are the sums that do not agree, if that is why.
	Totals []Check
}

// Error names the first of them.
func (e *Refused) Error() string {
	var parts []string
	if e.Count > 0 {
		parts = append(parts, fmt.Sprintf("%d bad lines, the first: %s", e.Count, e.Lines[0].Error()))
	}
	for _, c := range e.Totals {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, "; ")
}

// Unwrap is ErrTotals when sums do not agree.
func (e *Refused) Unwrap() error {
	if len(e.Totals) > 0 {
		return ErrTotals
	}
	return nil
}
