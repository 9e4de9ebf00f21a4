package readapi_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"github.com/benfex/kipay/eventstore"
)

// file is a report in a format that is no JSON.
func (s *server) file(t testing.TB, path string) ([]byte, http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/reports/"+path, http.NoBody)
	r.Header.Set("X-Merchant", "1")
	response, err := s.app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %.300s %v", path, response.StatusCode, body, err)
	}
	return body, response.Header
}

// cells are the rows of a report as text, without lineage; what is not there is empty.
func cells(r reported) [][]string {
	var names []string
	for _, c := range r.Columns {
		names = append(names, c.Name)
	}
	out := [][]string{names}
	for _, row := range r.Rows {
		var line []string
		for _, c := range r.Columns {
			text := ""
			if v := row[c.Name]; v != nil {
				text = fmt.Sprint(v)
			}
			line = append(line, text)
		}
		out = append(out, line)
	}
	return out
}

func TestEveryFormatSaysTheSame(t *testing.T) {
	s := newServer(t)
	middle := s.business(t)
	s.besides(t)
	for _, name := range []string{"conversion?group_by=day,channel", "merchant_statement?date_from=2026-03-30", "failures?date_from=2030-01-01", "payouts?group_by=day,status,destination,channel", "disputes?tz=UTC"} {
		path := name + "&as_of=" + fmt.Sprint(middle)
		if strings.HasPrefix(name, "payouts") || strings.HasPrefix(name, "disputes") { // of which there were none yet
			path = name + "&as_of=" + fmt.Sprint(s.Head(t))
		}
		want := cells(s.reported(t, 1, path))
		text, header := s.file(t, path+"&format=csv")
		if got := header.Get("Content-Disposition"); !strings.Contains(got, ".csv") {
			t.Errorf("%s: Content-Disposition is %q", name, got)
		}
		lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		links := 0
		for i := range lines {
			if last := len(lines[i]) - 1; i > 0 && strings.HasPrefix(lines[i][last], "/api/reports/") {
				links++
			}
			lines[i] = lines[i][:len(lines[i])-1]
		}
		if diff := cmp.Diff(want, lines); diff != "" || links != len(want)-1 {
			t.Errorf("%s as CSV, with %d links (-want +got):\n%s", name, links, diff)
		}
		if diff := cmp.Diff(want, workbook(t, s, path, len(want[0]))); diff != "" {
			t.Errorf("%s as XLSX (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want, parquetCells(t, s, path)); diff != "" {
			t.Errorf("%s as Parquet (-want +got):\n%s", name, diff)
		}
	}
}

func workbook(t *testing.T, s *server, path string, columns int) [][]string {
	t.Helper()
	raw, _ := s.file(t, path+"&format=xlsx")
	book, err := excelize.OpenReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	name, _, _ := strings.Cut(path, "?")
	rows, err := book.GetRows(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for len(rows[i]) < columns+1 {
			rows[i] = append(rows[i], "")
		}
		rows[i] = rows[i][:columns]
	}
	if about, err := book.GetRows("about"); err != nil || about[5][0] != "position" {
		t.Errorf("%s: about: %v %v", path, about, err)
	}
	return rows
}

func parquetCells(t *testing.T, s *server, path string) [][]string {
	t.Helper()
	raw, _ := s.file(t, path+"&format=parquet")
	f, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	columns := f.Schema().Fields()
	var names []string
	for _, c := range columns[:len(columns)-1] {
		names = append(names, c.Name())
	}
	out := [][]string{names}
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buffer := make([]parquet.Row, 16)
		for {
			n, err := rows.ReadRows(buffer)
			for _, row := range buffer[:n] {
				line := make([]string, len(names))
				for _, v := range row {
					if i := v.Column(); i < len(names) && !v.IsNull() {
						line[i] = parquetText(columns[i], v)
					}
				}
				out = append(out, line)
			}
			if err != nil {
				break
			}
		}
		_ = rows.Close()
	}
	return out
}

func parquetText(column parquet.Field, v parquet.Value) string {
	logical := column.Type().LogicalType()
	if logical == nil || !strings.Contains(fmt.Sprint(logical), "DECIMAL") {
		return v.String()
	}
	text := fmt.Sprintf("%03d", v.Int64())
	text = text[:len(text)-2] + "." + text[len(text)-2:]
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func TestAStatementCanBePrinted(t *testing.T) {
	s := newServer(t)
	s.business(t)
	raw, header := s.file(t, "merchant_statement?date_from=2026-03-30&format=pdf")
	if !bytes.HasPrefix(raw, []byte("%PDF-")) || !bytes.Contains(raw, []byte("%%EOF")) || header.Get("Content-Type") != "application/pdf" {
		t.Errorf("%.20q… of %d bytes, %s", raw, len(raw), header.Get("Content-Type"))
	}
	if to := os.Getenv("KIPAY_KEEP_PDF"); to != "" { // to look at it
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALongReportIsStreamedAndNeverHalf(t *testing.T) {
	s := newServer(t)
	s.Merchant(t, 1, "")
	s.Set(time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC))
	for i := range 200 {
		s.wrote(1, func() (at eventstore.Position) { _, at = s.C2B(t, 1, fmt.Sprintf("RKTQDM7%03d", i), 10_00); return at }())
	}
	r := s.reported(t, 1, "merchant_statement")
	if len(r.Rows) != 202 || r.Rows[201]["balance"] != 2000.0 {
		t.Errorf("%d rows, at last %v", len(r.Rows), r.Rows[len(r.Rows)-1])
	}
	raw, header := s.file(t, "merchant_statement?format=json")
	if len(raw) < 64<<10 || header.Get("Content-Length") != "" {
		t.Errorf("%d bytes with the length %q: it was not streamed", len(raw), header.Get("Content-Length"))
	}
}

func TestPaymentsAsOfAPositionAreTheSameFromBothTables(t *testing.T) {
	s := newServer(t)
	s.business(t)
	head := s.Head(t)
	for at := eventstore.Position(1); at <= head; at += head / 16 {
		path := fmt.Sprintf("summary?group_by=day,channel,status,method,origin&as_of=%d", at)
		// What had happened by a time is only known to the table of versions.
		now, versions := s.reported(t, 1, path), s.reported(t, 1, path+"&effective_at=2199-01-01T00:00:00Z")
		if diff := cmp.Diff(cells(versions), cells(now)); diff != "" || now.Totals["payments"] != versions.Totals["payments"] {
			t.Errorf("as of %d of %d (-versions +transactions):\n%s", at, head, diff)
		}
	}
}
