package simulator

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"
)

// StatementLayout is how a statement is written. The zero value is what the portal exports most often.
type StatementLayout struct {
	NegativeWithdrawn bool // what is taken stands below nothing, as in some exports
	NewestFirst       bool
	SerialDates       bool // xlsx: dates as numbers that a spreadsheet shows as dates, instead of texts
}

// statementTime is DD-MM-YYYY HH:mm:ss, in East Africa Time.
const statementTime = "02-01-2006 15:04:05"

// statementColumns are the names of the columns; they stand in row 7.
func statementColumns() []any {
	return []any{
		"Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Balance",
		"Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No.",
	}
}

// grid are the statement's cells: texts, and times in the columns of dates. Rows 1 to 6 are the header block.
func (st Statement) grid(how StatementLayout) [][]any {
	stamp := func(t time.Time) string { return t.In(eat).Format(statementTime) }
	taken := func(c int64) string {
		if how.NegativeWithdrawn {
			c = -c
		}
		return grouped(c)
	}
	rows := [][]any{
		{"Account Holder:", st.Holder},
		{"Short Code:", st.ShortCode},
		{"Account:", st.Account},
		{"Time Period:", "", "From " + stamp(st.From), "", "To " + stamp(st.To)},
		{"Operator:", st.Operator, "Date of Report: " + stamp(st.ReportAt)},
		{
			"Opening Balance:", grouped(st.Opening), "Closing Balance:", grouped(st.Closing), "Available Balance:", grouped(st.Available),
			"Total Paid In:", grouped(st.PaidIn), "Total Withdrawn:", taken(st.Withdrawn),
		},
		statementColumns(),
	}
	for i := range st.Rows {
		row := st.Rows[i]
		if how.NewestFirst {
			row = st.Rows[len(st.Rows)-1-i]
		}
		in, out := "", ""
		if row.PaidIn != 0 {
			in = grouped(row.PaidIn)
		}
		if row.Withdrawn != 0 {
			out = taken(row.Withdrawn)
		}
		rows = append(rows, []any{
			row.Receipt, row.Completed, row.Initiated, row.Details, row.Status, in, out, grouped(row.Balance), "true",
			row.Reason, row.OtherParty, row.Linked, row.BillRef,
		})
	}
	return rows
}

// grouped writes cents with commas between the thousands: -1,234.50.
func grouped(c int64) string {
	if c < 0 {
		return "-" + grouped(-c)
	}
	whole := strconv.FormatInt(c/100, 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s.%02d", whole, c%100)
}

// WriteCSV writes the statement as a spreadsheet does that it was saved from: each row as wide as the widest.
func (st Statement) WriteCSV(w io.Writer, how StatementLayout) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	width := len(statementColumns())
	for _, row := range st.grid(how) {
		cells := make([]string, width)
		for i, cell := range row {
			switch v := cell.(type) {
			case string:
				cells[i] = v
			case time.Time:
				cells[i] = v.In(eat).Format(statementTime)
			}
		}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("statement of %s as CSV: %w", st.ShortCode, err)
		}
	}
	out.Flush()
	return out.Error()
}

// WriteXLSX writes the statement as a workbook with one sheet. Amounts are texts, as exported.
func (st Statement) WriteXLSX(w io.Writer, how StatementLayout) (err error) {
	const sheet = "Sheet1" // as a new workbook has it
	file := excelize.NewFile()
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	format := "dd-mm-yyyy hh:mm:ss"
	style, err := file.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err != nil {
		return fmt.Errorf("statement of %s as xlsx: %w", st.ShortCode, err)
	}
	out, err := file.NewStreamWriter(sheet)
	if err != nil {
		return fmt.Errorf("statement of %s as xlsx: %w", st.ShortCode, err)
	}
	for i, row := range st.grid(how) {
		cells := slices.Clone(row)
		for j, cell := range cells {
			at, dated := cell.(time.Time)
			switch {
			case dated && how.SerialDates:
				cells[j] = excelize.Cell{StyleID: style, Value: at.In(eat).Truncate(time.Second)}
			case dated:
				cells[j] = at.In(eat).Format(statementTime)
			}
		}
		corner, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return fmt.Errorf("statement of %s as xlsx, row %d: %w", st.ShortCode, i+1, err)
		}
		if err := out.SetRow(corner, cells); err != nil {
			return fmt.Errorf("statement of %s as xlsx, row %d: %w", st.ShortCode, i+1, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("statement of %s as xlsx: %w", st.ShortCode, err)
	}
	_, err = file.WriteTo(w)
	return err
}
