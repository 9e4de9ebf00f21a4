package readapi

import (
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/projections/report"
)

const (
	// maxPrinted bounds the lines of a printed statement, which is made in memory: some 500 pages.
	maxPrinted = 20_000
	// In millimetres and points.
	pdfMargin, pdfWidth, pdfLine, pdfText, pdfSmall, pdfTitle = 14.0, 182.0, 6.0, 8.0, 7.5, 16.0
	pdfFont                                                   = "Go"
)

// pdfColumns are the columns of a printed statement with their widths in millimetres: pdfWidth together.
var pdfColumns = []struct {
	title string
	width float64
	align string
}{
	{"Date and time", 33, "L"}, {"Description", 39, "L"}, {"Reference", 45, "L"}, {"In", 20, "R"}, {"Out", 20, "R"}, {"Balance", 25, "R"},
}

// pdfStatement writes a statement that can be printed: A4, with its balances, and the number of each page.
type pdfStatement struct {
	sheet
	w        io.Writer
	doc      *fpdf.Fpdf
	letters  *sfnt.Font
	merchant string
	currency money.Currency
	lines    int
	shaded   bool
}

func newPDFStatement(s sheet, w io.Writer, name string) *pdfStatement {
	p := &pdfStatement{sheet: s, w: w, doc: fpdf.New("P", "mm", "A4", "")}
	d := p.doc
	var err error
	if p.letters, err = sfnt.Parse(goregular.TTF); err != nil {
		d.SetError(err)
	}
	p.merchant = p.printable(name)
	d.AddUTF8FontFromBytes(pdfFont, "", goregular.TTF)
	d.AddUTF8FontFromBytes(pdfFont, "B", gobold.TTF)
	d.SetMargins(pdfMargin, pdfMargin, pdfMargin)
	d.SetAutoPageBreak(true, 2*pdfMargin)
	d.SetTitle("Statement of "+p.merchant, true)
	d.SetCreator("Kipay", true)
	d.SetCreationDate(s.q.asOf)
	d.SetModificationDate(s.q.asOf)
	d.AliasNbPages("")
	d.SetHeaderFunc(p.pageHead)
	d.SetFooterFunc(p.pageFoot)
	d.AddPage()
	p.title()
	return p
}

// title says whose statement it is and what it covers.
func (p *pdfStatement) title() {
	d, q := p.doc, p.q
	d.SetFont(pdfFont, "B", pdfTitle)
	d.CellFormat(0, 9, "Statement", "", 1, "L", false, 0, "")
	d.SetFont(pdfFont, "B", 11)
	d.MultiCell(0, 6, p.merchant, "", "L", false)
	d.SetFont(pdfFont, "", pdfText)
	for _, line := range []string{
		"Period: " + covered(dayOf(q.From), dayOf(q.To)),
		"Days and times are those of " + q.Zone.String() + ".",
		fmt.Sprintf("As known on %s, position %d of the log.", p.local(report.Stamp(q.asOf)), uint64(q.AsOf)),
	} {
		d.CellFormat(0, 5, line, "", 1, "L", false, 0, "")
	}
	if q.Mode == domain.ModeTest {
		d.CellFormat(0, 5, "Test mode: no money has moved.", "", 1, "L", false, 0, "")
	}
}

func covered(from, to string) string {
	switch {
	case from == "" && to == "":
		return "everything so far"
	case from == "":
		return "up to " + to
	case to == "":
		return "from " + from
	}
	return from + " to " + to
}

// local is a stamp in the statement's time zone.
func (p *pdfStatement) local(stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	return t.In(p.q.Zone).Format("2006-01-02 15:04:05")
}

// pageHead stands on top of every page but the first.
func (p *pdfStatement) pageHead() {
	if p.doc.PageNo() == 1 {
		return
	}
	p.doc.SetFont(pdfFont, "", pdfSmall)
	period := " · statement, " + covered(dayOf(p.q.From), dayOf(p.q.To))
	p.doc.CellFormat(0, 5, p.fit(p.merchant, pdfWidth-p.doc.GetStringWidth(period))+period, "", 1, "L", false, 0, "")
	p.doc.Ln(2)
	if p.currency != "" {
		p.columnTitles()
	}
}

func (p *pdfStatement) pageFoot() {
	p.doc.SetY(-pdfMargin)
	p.doc.SetFont(pdfFont, "", pdfSmall)
	p.doc.CellFormat(0, 5, fmt.Sprintf("Page %d of {nb}", p.doc.PageNo()), "", 0, "C", false, 0, "")
}

func (p *pdfStatement) columnTitles() {
	d := p.doc
	d.SetFont(pdfFont, "B", pdfText)
	d.SetFillColor(225, 228, 232)
	for _, c := range pdfColumns {
		title := c.title
		if c.align == "R" {
			title += " " + string(p.currency)
		}
		d.CellFormat(c.width, pdfLine+1, title, "B", 0, c.align, true, 0, "")
	}
	d.Ln(-1)
	d.SetFont(pdfFont, "", pdfText)
	p.shaded = false
}

func (p *pdfStatement) row(r *report.Row) error {
	if p.lines++; p.lines > maxPrinted {
		return domain.Invalid("format", fmt.Sprintf("a statement of more than %d lines can't be printed: ask for fewer days, or for another format", maxPrinted))
	}
	d := p.doc
	kind, at, description, reference := r.Keys[0], r.Keys[1], r.Keys[3], r.Keys[4]
	if kind == report.KindOpening {
		p.currency = ""
		d.Ln(4)
		if _, height := d.GetPageSize(); d.GetY() > height-3*pdfMargin-3*pdfLine {
			d.AddPage() // rather than the titles alone at the end of a page
		}
		p.currency = r.Currency
		p.columnTitles()
	}
	if at != "" {
		at = p.local(at)
	}
	cells := []string{at, description, reference, "", "", grouped(r.Figures[2], r.Currency)}
	if r.Balance {
		d.SetFont(pdfFont, "B", pdfText)
		cells[0] = strings.Split(at, " ")[0]
		cells[1] = strings.ToUpper(description[:1]) + description[1:]
	} else {
		for i := range 2 {
			if r.Figures[i] != 0 {
				cells[3+i] = grouped(r.Figures[i], r.Currency)
			}
		}
	}
	d.SetFillColor(246, 247, 249)
	for i, c := range pdfColumns {
		d.CellFormat(c.width, pdfLine, p.fit(cells[i], c.width), "", 0, c.align, p.shaded, 0, "")
	}
	d.Ln(-1)
	p.shaded = !p.shaded
	d.SetFont(pdfFont, "", pdfText)
	return d.Error()
}

// printable has a sign for each letter that the font lacks: the library breaks down over emojis.
func (p *pdfStatement) printable(text string) string {
	if p.letters == nil {
		return ""
	}
	var b sfnt.Buffer
	return strings.Map(func(r rune) rune {
		if glyph, err := p.letters.GlyphIndex(&b, r); err != nil || glyph == 0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// fit cuts a text to a width.
func (p *pdfStatement) fit(text string, width float64) string {
	if p.doc.GetStringWidth(text) <= width-2 {
		return text
	}
	letters := []rune(text)
	for len(letters) > 0 && p.doc.GetStringWidth(string(letters)+"…") > width-2 {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}

// grouped is an amount as people read it: 12,345.60.
func grouped(minor int64, c money.Currency) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	places := c.MinorDigits()
	digits := fmt.Sprintf("%0*d", places+1, minor)
	whole, rest := digits[:len(digits)-places], digits[len(digits)-places:]
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if places == 0 {
		return sign + whole
	}
	return sign + whole + "." + rest
}

func (p *pdfStatement) end(totals []report.Total) error {
	d := p.doc
	d.Ln(4)
	if len(totals) == 0 {
		d.CellFormat(0, pdfLine, "Nothing happened in this period, and there is no balance.", "", 1, "L", false, 0, "")
	}
	for _, t := range totals {
		d.CellFormat(0, pdfLine, fmt.Sprintf("%s: opening balance %s, in %s, out %s, closing balance %s", t.Currency,
			grouped(t.Figures[0], t.Currency), grouped(t.Figures[1], t.Currency), grouped(t.Figures[2], t.Currency), grouped(t.Figures[3], t.Currency)),
			"", 1, "L", false, 0, "")
	}
	return d.Output(p.w)
}
