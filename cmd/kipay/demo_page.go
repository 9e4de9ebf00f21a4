package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/benfex/kipay/domain/money"
)

// pageWidth is how wide the demonstration writes.
const pageWidth = 100

// tale is what the demonstration writes, and the count of its checks.
type tale struct {
	out             io.Writer
	colour          bool
	chapters        int
	checks, refuted int
}

func newTale(out io.Writer) *tale {
	t := &tale{out: out}
	if f, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := f.Stat()
		t.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return t
}

// The colours of a terminal.
const (
	bold  = "1"
	green = "32"
	red   = "31;1"
	blue  = "34"
	faint = "2"
)

func (t *tale) paint(colour, s string) string {
	if !t.colour || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (t *tale) line(s string) { _, _ = fmt.Fprintln(t.out, strings.TrimRight(s, " ")) }

func (t *tale) say(format string, args ...any) {
	for _, l := range wrap(fmt.Sprintf(format, args...), pageWidth-2) {
		t.line("  " + l)
	}
}

func (t *tale) gap() { t.line("") }

func (t *tale) chapter(title string) {
	t.chapters++
	head := fmt.Sprintf("%d. %s ", t.chapters, title)
	t.gap()
	t.line(t.paint(bold, head+strings.Repeat("─", max(0, pageWidth-utf8.RuneCountInString(head)))))
	t.gap()
}

// check writes a statement that is true or not.
func (t *tale) check(ok bool, format string, args ...any) {
	t.checks++
	mark, colour := "✓", green
	if !ok {
		t.refuted++
		mark, colour = "✗", red
	}
	lines := wrap(fmt.Sprintf(format, args...), pageWidth-4)
	t.line(t.paint(colour, mark) + " " + lines[0])
	for _, l := range lines[1:] {
		t.line("  " + l)
	}
}

// row writes cells in columns: a width below zero is flush left, above zero flush right.
func (t *tale) row(widths []int, cells ...string) {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range cells {
		b.WriteString(padded(c, widths[i]))
		b.WriteString("  ")
	}
	t.line(b.String())
}

func padded(s string, width int) string {
	left := width < 0
	blank := strings.Repeat(" ", max(0, max(width, -width)-utf8.RuneCountInString(s)))
	if left {
		return s + blank
	}
	return blank + s
}

// bars writes a chart of lying bars: a label, a bar, and what it stands for.
type barRow struct {
	label, value string
	size         int64
}

func (t *tale) bars(rows []barRow, labelWidth, barWidth int) {
	var most int64 = 1
	for _, r := range rows {
		most = max(most, r.size)
	}
	for _, r := range rows {
		b := bar8(r.size, most, barWidth)
		t.line("  " + padded(r.label, -labelWidth) + "  " + t.paint(blue, b) + strings.Repeat(" ", barWidth-utf8.RuneCountInString(b)) + "  " + r.value)
	}
}

// bar8 is a bar of so many eighths of a character's width.
func bar8(size, most int64, width int) string {
	const eighths = "▏▎▍▌▋▊▉"
	n := size * int64(width) * 8 / most
	if size > 0 && n == 0 {
		n = 1
	}
	s := strings.Repeat("█", int(n/8))
	if rest := int(n % 8); rest > 0 {
		s += string([]rune(eighths)[rest-1])
	}
	return s
}

func wrap(s string, width int) []string {
	var out []string
	line := ""
	for _, w := range strings.Fields(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width {
			out, line = append(out, line), ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(out, line)
}

// figure is an amount in shillings as it stands in a column, without its currency.
func figure(minor int64) string {
	s := money.Of(max(minor, -minor), money.KES).Format()[len(money.KES)+1:]
	if minor < 0 {
		return "-" + s
	}
	return s
}

// sum is an amount in shillings in a sentence.
func sum(minor int64) string {
	if minor < 0 {
		return "-" + money.Of(-minor, money.KES).Format()
	}
	return money.Of(minor, money.KES).Format()
}

// many is a number with its thousands marked.
func many(n int) string {
	s := money.Of(int64(n)*100, money.KES).Format()[len(money.KES)+1:]
	return strings.TrimSuffix(s, ".00")
}
