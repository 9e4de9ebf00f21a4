package chdb

import (
	"encoding/binary"
	"strings"
)

// layout says what the engine's pieces of a streamed result are: each one is formatted by itself.
type layout int

const (
	// whole results cannot be put together from pieces: every piece is a document of its own (Parquet, XML).
	whole layout = iota
	// plain rows follow each other.
	plain
	// commas stand between them.
	commas
	// jsonDocument is one whose rows stand between what belongs to the start and what belongs to the end.
	jsonDocument
	// Every piece begins with names, or names and types, which belong at the start of the result only.
	oneLine
	twoLines
	oneCSVLine
	twoCSVLines
	binaryNames
	binaryNamesAndTypes
)

// layouts are the formats that can be streamed, in lower case. What is not here is answered as a whole. (The engine counts a
// streamed piece against the memory that its statement may use, but not a whole result: one that is too large for it
// leaves an engine that refuses everything.)
var layouts = map[string]layout{
	"native": plain, "rowbinary": plain, "rowbinarywithnames": binaryNames, "rowbinarywithnamesandtypes": binaryNamesAndTypes,
	"tabseparated": plain, "tabseparatedwithnames": oneLine, "tabseparatedwithnamesandtypes": twoLines,
	"tsv": plain, "tsvwithnames": oneLine, "tsvwithnamesandtypes": twoLines,
	"tabseparatedraw": plain, "tabseparatedrawwithnames": oneLine, "tabseparatedrawwithnamesandtypes": twoLines,
	"tsvraw": plain, "tsvrawwithnames": oneLine, "tsvrawwithnamesandtypes": twoLines,
	"raw": plain, "rawwithnames": oneLine, "rawwithnamesandtypes": twoLines,
	"csv": plain, "csvwithnames": oneCSVLine, "csvwithnamesandtypes": twoCSVLines,
	"jsoneachrow": plain, "jsonlines": plain, "jsonl": plain, "ndjson": plain, "jsonstringseachrow": plain,
	"jsoncompacteachrow": plain, "jsoncompacteachrowwithnames": oneLine, "jsoncompacteachrowwithnamesandtypes": twoLines,
	"jsoncompactstringseachrow": plain, "jsoncompactstringseachrowwithnames": oneLine, "jsoncompactstringseachrowwithnamesandtypes": twoLines,
	"json": jsonDocument, "jsonstrings": jsonDocument, "jsoncompact": jsonDocument, "jsoncompactstrings": jsonDocument,
	"values": commas, "markdown": twoLines, "md": twoLines,
	// Each piece is a table of its own, as a server's blocks are.
	"pretty": plain, "prettynoescapes": plain, "prettycompact": plain, "prettycompactnoescapes": plain, "prettyspace": plain,
	"prettyspacenoescapes": plain, "vertical": plain, "sqlinsert": plain,
	"tskv": plain, "lineasstring": plain, "rawblob": plain, "bsoneachrow": plain, "msgpack": plain,
}

func layoutOf(format string) layout { return layouts[strings.ToLower(format)] }

// lineLength is the length of the first line with its end; in CSV a line's end may stand inside quotes.
func lineLength(text []byte, csv bool) int {
	quoted := false
	for i, c := range text {
		switch {
		case c == '"' && csv:
			quoted = !quoted
		case c == '\n' && !quoted:
			return i + 1
		}
	}
	return len(text)
}

// stringsLength is the length of a number of columns and then of that many strings, so many times.
func stringsLength(data []byte, times int) int {
	columns, at := binary.Uvarint(data)
	if at <= 0 {
		return 0
	}
	for range times {
		for range columns {
			length, n := binary.Uvarint(data[at:])
			if n <= 0 || length > uint64(len(data)-at-n) {
				return 0
			}
			at += n + int(length)
		}
	}
	return at
}

// resultFormat is the format that a statement's result is written in: the one that its text ends with, else the one that
// the request names.
func resultFormat(sql, fallback string) string {
	var word, before token
	tokens(sql, func(t token) bool {
		if t.kind == tokenSign && t.text == ";" {
			return true
		}
		before, word = word, t
		return true
	})
	if before.kind == tokenWord && word.kind == tokenWord && strings.EqualFold(before.text, "FORMAT") {
		return word.text
	}
	return fallback
}

// contentType is what ClickHouse says of a format in the header Content-Type.
func contentType(format string) string {
	lower := strings.ToLower(format)
	switch {
	case lower == "jsoneachrow" || lower == "jsonlines" || lower == "ndjson" || lower == "jsonl":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(lower, "json"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(lower, "tabseparated"), strings.HasPrefix(lower, "tsv"):
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(lower, "csv"):
		return "text/csv; charset=UTF-8"
	case lower == "xml":
		return "application/xml; charset=UTF-8"
	case strings.HasPrefix(lower, "pretty"), lower == "vertical", lower == "markdown", lower == "values":
		return "text/plain; charset=UTF-8"
	default:
		return "application/octet-stream"
	}
}
