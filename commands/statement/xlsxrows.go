package statement

import (
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"
)

// memoryPartBytes is up to which size a sheet, or the table of texts, is kept in memory; larger ones are unpacked into files.
const memoryPartBytes = 4 << 20

// xlsxRows are the rows of a workbook's first sheet, with the values as the workbook keeps them: dates are numbers of days.
type xlsxRows struct {
	rows   *excelize.Rows
	number int
}

// beginXLSX checks the whole workbook, then begins to read its rows.
func (f *File) beginXLSX(in Input, section *io.SectionReader) error {
	if err := checkWorkbook(in); err != nil {
		return err
	}
	if _, err := io.Copy(f.hash, section); err != nil {
		return fmt.Errorf("read the workbook: %w", err)
	}
	book, err := excelize.OpenReader(io.NewSectionReader(in, 0, in.Size), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: MaxUnzippedBytes, UnzipXMLSizeLimit: memoryPartBytes, TmpDir: f.opts.TempDir,
	})
	if book != nil {
		f.close = book.Close
	}
	if err != nil {
		return ErrDamaged
	}
	sheets := book.GetSheetList()
	if len(sheets) == 0 {
		return fmt.Errorf("%w: the workbook has no sheet", ErrUnknown)
	}
	rows, err := book.Rows(sheets[0])
	if err != nil {
		return ErrDamaged
	}
	f.close = func() error { return firstError(rows.Close(), book.Close()) }
	m, err := newMpesa(&xlsxRows{rows: rows}, f.header, f.opts, true)
	if err != nil {
		return err
	}
	if props, err := book.GetWorkbookProps(); err == nil && props.Date1904 != nil && *props.Date1904 {
		m.dates.epoch = epoch1904
	}
	f.entries = m
	return nil
}

func (x *xlsxRows) next() (row, error) {
	if !x.rows.Next() {
		if x.rows.Error() != nil {
			return row{}, ErrDamaged
		}
		return row{}, io.EOF
	}
	x.number++
	cells, err := x.rows.Columns()
	if err != nil {
		return row{}, ErrDamaged
	}
	if len(cells) > MaxColumns {
		return row{}, &LineError{Line: x.number, Reason: "has too many columns"}
	}
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	return row{number: x.number, cells: cells}, nil
}
