package chdb

import (
	"bytes"
	"fmt"
	"strconv"
)

// joiner makes one result of the engine's pieces.
type joiner struct {
	layout  layout
	header  []byte // what every piece begins with, and only the first shows
	totals  []byte // of a JSON document: its end up to the number of rows
	started bool
	rows    uint64
}

// The parts of the engine's JSON documents. A line's end inside a value is escaped, so none of them can stand in one.
const (
	jsonDataBegins = "\n\t\"data\":\n\t[\n"
	jsonDataEnds   = "\n\t]"
	jsonRowsFollow = jsonDataEnds + ",\n\n\t\"rows\": "
	jsonBegins     = "{\n\t\"meta\":"
)

// next gives what of a piece of so many rows belongs to the result, in up to two parts. They are valid as long as piece.
func (j *joiner) next(piece []byte, rows uint64) (before string, part []byte, err error) {
	first := !j.started
	j.started = true
	j.rows += rows
	switch j.layout {
	case jsonDocument:
		return j.nextOfDocument(piece, rows, first)
	case commas:
		if !first && len(piece) > 0 {
			before = ","
		}
		return before, piece, nil
	case oneLine, twoLines, oneCSVLine, twoCSVLines, binaryNames, binaryNamesAndTypes:
		if first {
			j.header = j.layout.header(piece)
			return "", piece, nil
		}
		if rows == 0 { // totals, which the engine writes before the header of their piece
			return "", bytes.TrimSuffix(piece, j.header), nil
		}
		return "", bytes.TrimPrefix(piece, j.header), nil
	case whole, plain:
	}
	return "", piece, nil
}

func (j *joiner) nextOfDocument(piece []byte, rows uint64, first bool) (before string, part []byte, err error) {
	if rows == 0 && !first {
		if totals, _, ok := bytes.Cut(piece, []byte(jsonBegins)); ok {
			j.totals = bytes.Clone(totals)
		}
		return "", nil, nil
	}
	begins := bytes.Index(piece, []byte(jsonDataBegins))
	ends := bytes.LastIndex(piece, []byte(jsonRowsFollow))
	if begins < 0 || ends < begins+len(jsonDataBegins) {
		return "", nil, fmt.Errorf("chdb: a piece of %d bytes is not the JSON document that was expected", len(piece))
	}
	if first {
		return "", piece[:ends], nil
	}
	return ",\n", piece[begins+len(jsonDataBegins) : ends], nil
}

// end gives what follows the last piece.
func (j *joiner) end() []byte {
	if j.layout != jsonDocument || !j.started {
		return nil
	}
	end := j.totals
	if end == nil {
		end = []byte(jsonDataEnds)
	}
	return append(end, ",\n\n\t\"rows\": "+strconv.FormatUint(j.rows, 10)+"\n}\n"...)
}

// header is what every piece in this layout begins with, taken from the first one.
func (l layout) header(piece []byte) []byte {
	n := 0
	switch l {
	case oneLine:
		n = lineLength(piece, false)
	case twoLines:
		n = lineLength(piece, false)
		n += lineLength(piece[n:], false)
	case oneCSVLine:
		n = lineLength(piece, true)
	case twoCSVLines:
		n = lineLength(piece, true)
		n += lineLength(piece[n:], true)
	case binaryNames:
		n = stringsLength(piece, 1)
	case binaryNamesAndTypes:
		n = stringsLength(piece, 2)
	case whole, plain, commas, jsonDocument:
	}
	return bytes.Clone(piece[:n])
}
