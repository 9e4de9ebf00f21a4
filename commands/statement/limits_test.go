package statement_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

func TestWhatAFileIsIsSeenFromItsContent(t *testing.T) {
	workbook := func() []byte {
		month := faults.Make(faults.Usual(1, 5, 0))
		return workbookOf(t, &month, true)
	}
	utf16 := func(s string) []byte {
		b := []byte{0xFF, 0xFE}
		for _, r := range s {
			b = append(b, byte(r), byte(r>>8))
		}
		return b
	}
	portal := sample(t, "mpesa_portal.csv")
	for name, test := range map[string]struct {
		file   []byte
		source reconciliation.Source
		want   statement.Format
		err    error
	}{
		"a workbook":                      {workbook(), "", statement.MpesaXLSX, nil},
		"a CSV in UTF-16":                 {utf16(strings.TrimPrefix(portal, "\ufeff")), "", statement.MpesaCSV, nil},
		"a CSV with semicolons":           {[]byte(sample(t, "mpesa_serials.csv")), reconciliation.SourceMpesa, statement.MpesaCSV, nil},
		"an M-Pesa CSV that a bank sends": {[]byte(portal), reconciliation.SourceBank, statement.BankCSV, nil},
		"some table":                      {[]byte("a,b\n1,2\n"), "", "", statement.ErrUnknown},
		"some table of Paystack":          {[]byte("a,b\n1,2\n"), reconciliation.SourcePaystackSettlement, statement.PaystackSettlementsCSV, nil},
		"another source's":                {[]byte(portal), reconciliation.SourcePaystackTransactions, "", statement.ErrUnknown},
		"an old Excel file":               {[]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1rest of it"), "", "", statement.ErrOldExcel},
		"a page":                          {[]byte("<html><table>Receipt No.</table></html>"), "", "", statement.ErrUnknown},
		"a picture":                       {[]byte("\x89PNG\r\n\x1a\n\x00\x00"), "", "", statement.ErrUnknown},
		"nothing":                         {nil, "", "", statement.ErrUnknown},
		"an archive of other things":      {zipOf(t, map[string]string{"a.txt": "x"}), "", "", statement.ErrUnknown},
		"half an archive":                 {[]byte("PK\x03\x04half"), "", "", statement.ErrDamaged},
		"some JSON":                       {[]byte(`{"a":1}`), "", "", statement.ErrUnknown},
	} {
		got, err := statement.Detect(input(test.file), test.source)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	big := statement.Input{ReaderAt: bytes.NewReader(nil), Size: statement.MaxFileBytes + 1}
	if _, err := statement.Detect(big, ""); !errors.Is(err, statement.ErrTooLarge) {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := statement.Open(big, statement.Options{Format: statement.MpesaCSV}); !errors.Is(err, statement.ErrTooLarge) {
		t.Errorf("a huge file, opened: %v", err)
	}
}

func zipOf(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range parts {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sheetOf is a small workbook whose sheet is this XML.
func sheetOf(t testing.TB, sheet string) []byte {
	t.Helper()
	return zipOf(t, map[string]string{
		"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   sheet,
	})
}

const (
	sheetBegin = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	sheetEnd   = `</sheetData></worksheet>`
)

// sheetRow is a row of inline texts.
func sheetRow(n int, cells ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<row r="%d">`, n)
	for _, c := range cells {
		fmt.Fprintf(&b, `<c t="inlineStr"><is><t>%s</t></is></c>`, c)
	}
	return b.String() + "</row>"
}

func TestWorkbooksThatAreNoStatementsAreRefused(t *testing.T) {
	names := sheetRow(1, "Receipt No.", "Completion Time", "Transaction Status", "Paid In", "Withdrawn")
	line := sheetRow(2, "SKA1B2C3D1", "45963.25", "Completed", "1.5E+2", "")
	good := sheetBegin + names + line + sheetEnd
	lines, _, _ := read(t, input(sheetOf(t, good)), statement.Options{})
	if len(lines) != 1 || lines[0].PaidIn.Minor != 15_000 || lines[0].Number != 2 {
		t.Fatalf("%+v", lines)
	}
	whole := sheetOf(t, good)
	flipped := slices.Clone(whole)
	if i := bytes.Index(flipped, []byte("xl/worksheets/sheet1.xml")); i > 0 {
		flipped[i+len("xl/worksheets/sheet1.xml")+20] ^= 0x55
	}
	bomb := sheetBegin + strings.Repeat(" ", 3<<20) + sheetEnd
	for name, test := range map[string]struct {
		file []byte
		err  error
	}{
		"a sheet that breaks off":       {sheetOf(t, sheetBegin+names+line+"<row"), statement.ErrDamaged},
		"a sheet that is not closed":    {sheetOf(t, sheetBegin+names+line), statement.ErrDamaged},
		"tags that cross":               {sheetOf(t, sheetBegin+names+"<row><c></row></c>"+sheetEnd), statement.ErrDamaged},
		"rows out of order":             {sheetOf(t, sheetBegin+names+sheetRow(5, "x")+sheetRow(3, "x")+sheetEnd), statement.ErrDamaged},
		"a row far below":               {sheetOf(t, sheetBegin+names+`<row r="99999999"/>`+sheetEnd), statement.ErrDamaged},
		"a cell far to the right":       {sheetOf(t, sheetBegin+names+`<row r="2"><c r="XFD2"><v>1</v></c></row>`+sheetEnd), statement.ErrTooLarge},
		"a document type":               {sheetOf(t, `<!DOCTYPE x [<!ENTITY a "b">]>`+good), statement.ErrDamaged},
		"an entity":                     {sheetOf(t, sheetBegin+"&lol;"+sheetEnd), statement.ErrDamaged},
		"a text without end":            {sheetOf(t, bomb), statement.ErrTooLarge},
		"nesting without end":           {sheetOf(t, sheetBegin+strings.Repeat("<x>", 100)), statement.ErrTooLarge},
		"a part larger than any":        {zipOf(t, map[string]string{"xl/styles.xml": "<a>" + strings.Repeat("<b/>", statement.MaxPartBytes/4) + "</a>"}), statement.ErrTooLarge},
		"bytes that changed":            {flipped, statement.ErrDamaged},
		"half a file":                   {whole[:len(whole)/2], statement.ErrDamaged},
		"an empty sheet":                {sheetOf(t, sheetBegin+sheetEnd), statement.ErrUnknown},
		"a sheet without the names":     {sheetOf(t, sheetBegin+line+sheetEnd), statement.ErrUnknown},
		"a workbook without a workbook": {zipOf(t, map[string]string{"xl/worksheets/sheet1.xml": good}), statement.ErrDamaged},
	} {
		f, err := statement.Open(input(test.file), statement.Options{Format: statement.MpesaXLSX, TempDir: t.TempDir()})
		if err == nil {
			err = f.Close()
			t.Errorf("%s was opened: %v", name, err)
		} else if !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
	}
	many := map[string]string{}
	for i := range statement.MaxParts + 1 {
		many[fmt.Sprintf("xl/%d.bin", i)] = ""
	}
	if _, err := statement.Open(input(zipOf(t, many)), statement.Options{Format: statement.MpesaXLSX}); !errors.Is(err, statement.ErrTooLarge) {
		t.Errorf("many parts: %v", err)
	}
}

// packed is a workbook with one part, which unpacks to real bytes and claims to be of another size.
func packed(t *testing.T, name string, real int, claimed uint64) []byte {
	t.Helper()
	var b, deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(bytes.Repeat([]byte(" "), real))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(&b)
	part, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CompressedSize64: uint64(deflated.Len()), UncompressedSize64: claimed})
	if err == nil {
		_, err = part.Write(deflated.Bytes())
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestABombIsRefusedBeforeItUnpacks(t *testing.T) {
	for name, test := range map[string]struct {
		file []byte
		err  error
	}{
		"that says how large it is":           {packed(t, "xl/worksheets/sheet1.xml", 8<<20, statement.MaxUnzippedBytes+1), statement.ErrTooLarge},
		"in a part that is never large":       {packed(t, "xl/styles.xml", 8<<20, statement.MaxPartBytes+1), statement.ErrTooLarge},
		"that says it is small":               {packed(t, "xl/worksheets/sheet1.xml", 64<<20, 1000), statement.ErrDamaged},
		"that says it is small, in a picture": {packed(t, "xl/media/image1.png", 64<<20, 1000), statement.ErrDamaged},
		"of blanks":                           {packed(t, "xl/worksheets/sheet1.xml", 64<<20, 64<<20), statement.ErrTooLarge},
	} {
		before := allocated()
		_, err := statement.Open(input(test.file), statement.Options{Format: statement.MpesaXLSX})
		if after := allocated(); !errors.Is(err, test.err) || after-before > 4<<20 {
			t.Errorf("%s: %v, after %d bytes", name, err, after-before)
		}
	}
}

func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}

func TestOneEndlessLineIsRefused(t *testing.T) {
	long := strings.Repeat("x", 3*statement.MaxRecordBytes)
	for name, file := range map[string]struct {
		text string
		o    statement.Options
	}{
		"a quote that nobody closes": {mpesaNames + `SKA1B2C3D1,"` + long, statement.Options{Format: statement.MpesaCSV}},
		"a cell":                     {mpesaNames + "SKA1B2C3D1," + long, statement.Options{Format: statement.MpesaCSV}},
		"an entry of JSON":           {`{"data":[{"reference":"` + long + `"}]}`, statement.Options{Format: statement.PaystackTransactionsJSON}},
		"a line of MT940":            {":20:" + long, statement.Options{Format: statement.BankMT940}},
		"a tag of XML":               {`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02" x="` + long + `">`, statement.Options{Format: statement.BankCAMT053}},
		"nested XML":                 {`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">` + strings.Repeat("<a>", 100), statement.Options{Format: statement.BankCAMT053}},
	} {
		_, _, err := statement.Inspect(context.Background(), input([]byte(file.text)), file.o)
		if err == nil || errors.Is(err, statement.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatEndsTooEarlyIsRefused(t *testing.T) {
	for _, name := range []string{"bank.mt940", "bank_camt02.xml", "bank_camt08.xml", "paystack_transactions.json", "paystack_settlements.json"} {
		whole := strings.TrimSpace(sample(t, name))
		source := reconciliation.Source("")
		if strings.HasPrefix(name, "bank") {
			source = reconciliation.SourceBank
		}
		format, err := statement.Detect(input([]byte(whole)), source)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 1; cut < len(whole); cut++ {
			begin := strings.TrimSpace(whole[:cut])
			if name == "paystack_transactions.json" && strings.HasSuffix(begin, "]}") {
				continue // whole pages: nothing says how many there are
			}
			if _, _, err := statement.Inspect(context.Background(), input([]byte(begin)), statement.Options{Format: format}); err == nil && begin != whole {
				t.Errorf("%s was taken without its last %d bytes", name, len(whole)-cut)
				break
			}
		}
	}
}

func TestTheCallerCanGiveUp(t *testing.T) {
	month := faults.Make(faults.Usual(1, 5000, 0))
	file := csvOf(t, &month)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f, err := statement.Open(input(file), statement.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range f.Lines(ctx) {
		if n++; n == 10 {
			cancel()
		}
	}
	if !errors.Is(f.Err(), context.Canceled) || n >= 5000 {
		t.Errorf("%d lines, %v", n, f.Err())
	}
	f, err = statement.Open(input(file), statement.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Err() == nil {
		t.Error("a file that was not read is good")
	}
	for range f.Lines(context.Background()) {
		break
	}
	if f.Err() == nil {
		t.Error("half a file is good")
	}
	for range f.Lines(context.Background()) {
		t.Error("it was read again")
	}
}

// growing is an M-Pesa CSV of so many lines that is made while it is read.
type growing struct {
	lines int
	row   func(i int) string
	width int
}

// ReadAt answers lines of one width.
func (g growing) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		i := int(off+int64(n)) / g.width
		if i >= g.lines {
			return n, io.EOF
		}
		n += copy(p[n:], g.row(i)[int(off+int64(n))%g.width:])
	}
	return n, nil
}

func million(lines int) statement.Input {
	row := func(i int) string {
		if i == 0 {
			return mpesaNames
		}
		s := fmt.Sprintf("SK%08d,02-11-2025 09:15:02,02-11-2025 09:15:01,Pay Bill from 25470****108 - SAMPLE PAYER,Completed,100.00,,,true,Pay Bill Online,x,,INV%07d", i, i)
		return s + strings.Repeat(" ", len(mpesaNames)-1-len(s)) + "\n"
	}
	g := growing{lines: lines + 1, row: row, width: len(mpesaNames)}
	return statement.Input{ReaderAt: g, Size: int64((lines + 1) * len(mpesaNames))}
}

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	const lines = 300_000
	f, err := statement.Open(million(lines), statement.Options{Format: statement.MpesaCSV})
	if err != nil {
		t.Fatal(err)
	}
	n, first, most := 0, uint64(0), uint64(0)
	for range f.Lines(context.Background()) {
		if n++; n%50_000 != 0 {
			continue
		}
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		if first == 0 {
			first = s.HeapAlloc
		}
		most = max(most, s.HeapAlloc)
	}
	if err := f.Err(); err != nil || n != lines {
		t.Fatal(n, err)
	}
	// What stays is the keys: twenty-odd bytes a line, twice while their table grows.
	if grown := int64(most) - int64(first); grown > lines*100 {
		t.Errorf("%d bytes more after %d lines", grown, n)
	}
}
