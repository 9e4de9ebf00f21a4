package chdb

import (
	"strings"
	"testing"
)

func TestTheFormatOfAResultIsTheOneThatItsTextEndsWith(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1": "Native", "SELECT 1 FORMAT CSV": "CSV", "SELECT 1 format `JSON` ; -- x": "JSON", "SELECT 'FORMAT CSV'": "Native", "SELECT format('{}', 1)": "Native", "SELECT 1 AS format": "Native",
		"SELECT 1 /* FORMAT CSV */": "Native", "SELECT 1 FORMAT": "Native", "": "Native", ";": "Native",
	} {
		if got := resultFormat(sql, "Native"); got != want {
			t.Errorf("%q: %s, want %s", sql, got, want)
		}
	}
}

func TestPiecesAreJoined(t *testing.T) {
	document := func(rows ...string) string {
		return "{\n\t\"meta\":\n\t[\n\t\t{ \"x\" }\n\t],\n\n\t\"data\":\n\t[\n" + strings.Join(rows, ",\n") + "\n\t],\n\n\t\"rows\": 9,\n\n\t\"statistics\":\n\t{}\n}\n"
	}
	for name, c := range map[string]struct {
		layout layout
		pieces []string
		want   string
	}{
		"rows":              {plain, []string{"a\n", "b\n"}, "a\nb\n"},
		"commas":            {commas, []string{"(1)", "(2),(3)"}, "(1),(2),(3)"},
		"a header":          {oneLine, []string{"h\na\n", "h\nh\n"}, "h\na\nh\n"},
		"two lines":         {twoLines, []string{"h\nt\na\n", "h\nt\nb\n"}, "h\nt\na\nb\n"},
		"a header in CSV":   {oneCSVLine, []string{"\"a\nb\"\"\n\"\n1\n", "\"a\nb\"\"\n\"\n2\n"}, "\"a\nb\"\"\n\"\n1\n2\n"},
		"a header alone":    {oneLine, []string{"h\n"}, "h\n"},
		"names":             {binaryNames, []string{"\x01\x01hA", "\x01\x01hB"}, "\x01\x01hAB"},
		"names and types":   {binaryNamesAndTypes, []string{"\x02\x01a\x01b\x01A\x01BX", "\x02\x01a\x01b\x01A\x01BY"}, "\x02\x01a\x01b\x01A\x01BXY"},
		"names that break":  {binaryNames, []string{"\x05\xff", "\x05\xff"}, "\x05\xff\x05\xff"},
		"a document":        {jsonDocument, []string{document("\t\t{1}"), document("\t\t{2}", "\t\t{3}")}, "{\n\t\"meta\":\n\t[\n\t\t{ \"x\" }\n\t],\n\n\t\"data\":\n\t[\n\t\t{1},\n\t\t{2},\n\t\t{3}\n\t],\n\n\t\"rows\": 2\n}\n"},
		"nothing, in JSON":  {jsonDocument, nil, ""},
		"nothing, in a row": {plain, nil, ""},
	} {
		j := joiner{layout: c.layout}
		var got strings.Builder
		for _, piece := range c.pieces {
			before, part, err := j.next([]byte(piece), 1)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got.WriteString(before)
			got.Write(part)
		}
		got.Write(j.end())
		if got.String() != c.want {
			t.Errorf("%s: %q, want %q", name, got.String(), c.want)
		}
	}
	j := joiner{layout: jsonDocument}
	if _, _, err := j.next([]byte("no document"), 1); err == nil {
		t.Error("what is no document was taken for one")
	}
}
