package statement

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// checkWorkbook reads a workbook to its end before anything is built from it: it bounds what it unpacks to, by the bytes
// that really come, and makes sure that its parts are whole. The library that reads it afterwards takes a broken sheet for
// one that ends there.
func checkWorkbook(in Input) error {
	if in.Size > MaxXLSXBytes {
		return ErrTooLarge
	}
	z, err := zip.NewReader(in, in.Size)
	if err != nil {
		return ErrDamaged
	}
	if len(z.File) > MaxParts {
		return ErrTooLarge
	}
	var declared uint64
	for _, part := range z.File {
		if part.UncompressedSize64 > MaxUnzippedBytes || !isLargePart(part.Name) && part.UncompressedSize64 > MaxPartBytes {
			return ErrTooLarge
		}
		if declared += part.UncompressedSize64; declared > MaxUnzippedBytes {
			return ErrTooLarge
		}
	}
	for _, part := range z.File {
		if err := checkPart(part); err != nil {
			return fmt.Errorf("a part of the workbook: %w", err)
		}
	}
	return nil
}

func isSheet(name string) bool {
	return strings.HasPrefix(strings.ToLower(name), "xl/worksheets/")
}

func isLargePart(name string) bool {
	return isSheet(name) || strings.EqualFold(name, "xl/sharedStrings.xml")
}

// checkPart reads one part. The zip reader ends with an error when more comes than was declared, or something else.
func checkPart(part *zip.File) error {
	r, err := part.Open()
	if err != nil {
		return ErrDamaged
	}
	switch strings.ToLower(path.Ext(part.Name)) {
	case ".xml", ".rels":
		err = checkXML(r, isSheet(part.Name))
	default:
		err = drain(r, part.UncompressedSize64)
	}
	if err = firstError(err, r.Close()); err != nil && !errors.Is(err, ErrTooLarge) {
		err = ErrDamaged
	}
	return err
}

func drain(r io.Reader, size uint64) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r, int64(size)+1))
	if err == nil && uint64(n) != size {
		err = ErrDamaged
	}
	return err
}

// checkXML reads a part to its end: well formed, without document types, not too deep, no text too long. Of a sheet also
// that its rows are in order and no cell is far to the right.
func checkXML(r io.Reader, sheet bool) error {
	g := &guard{in: r}
	g.allow()
	d := xml.NewDecoder(g)
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, ErrDamaged }
	var open []xml.Name
	lastRow, seen := 0, false
	for {
		g.allow()
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, errRecordTooLong) {
			return ErrTooLarge
		}
		if err != nil {
			return ErrDamaged
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(open) >= MaxDepth {
				return ErrTooLarge
			}
			open = append(open, t.Name)
			seen = true
			if sheet {
				if lastRow, err = checkCell(t, lastRow); err != nil {
					return err
				}
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != t.Name {
				return ErrDamaged
			}
			open = open[:len(open)-1]
		case xml.Directive:
			return ErrDamaged
		}
	}
	if len(open) > 0 || !seen {
		return ErrDamaged
	}
	return nil
}

// checkCell looks at the place of a row or cell of a sheet, and answers the number of the last row.
func checkCell(t xml.StartElement, lastRow int) (int, error) {
	if t.Name.Local != "row" && t.Name.Local != "c" {
		return lastRow, nil
	}
	for _, a := range t.Attr {
		if a.Name.Local != "r" {
			continue
		}
		if t.Name.Local == "c" {
			letters := strings.TrimRight(a.Value, "0123456789")
			if len(letters) > 2 || columnNumber(letters) > MaxColumns {
				return lastRow, ErrTooLarge
			}
			return lastRow, nil
		}
		n, err := strconv.Atoi(a.Value)
		if err != nil || n <= lastRow || n > MaxLines {
			return lastRow, ErrDamaged
		}
		return n, nil
	}
	if t.Name.Local == "row" {
		lastRow++
	}
	return lastRow, nil
}

// columnNumber is the number of a column's letters, from 1.
func columnNumber(letters string) int {
	n := 0
	for _, c := range strings.ToUpper(letters) {
		n = n*26 + int(c-'A') + 1
	}
	return n
}
