package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// row is one line of the table.
type row struct {
	What    string  `json:"what"`
	Kipay   string  `json:"kipay"`
	Against string  `json:"against,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`
	Aim     string  `json:"aim,omitempty"`
	// Met tells whether what is required was reached; Missed, that an aim beyond it was not.
	Met    bool   `json:"met"`
	Missed bool   `json:"missed_further_aim,omitempty"`
	Note   string `json:"note,omitempty"`
}

func (r row) verdict() string {
	switch {
	case r.Aim == "":
		return ""
	case r.Met && r.Missed:
		return "yes (aim: no)"
	case r.Met:
		return "yes"
	default:
		return "NO"
	}
}

func (r row) cells() []string {
	ratio := ""
	if r.Ratio > 0 {
		ratio = fmt.Sprintf("%.2f", r.Ratio)
	}
	return []string{r.What, r.Kipay, r.Against, ratio, r.Aim, r.verdict()}
}

// report is what a run found.
type report struct {
	Machine machine `json:"machine"`
	Flags   string  `json:"flags"`
	Rows    []row   `json:"rows"`
}

func (r report) writeJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// write prints the table, which is Markdown and aligned, and below it what there is to say about its rows.
func (r report) write(to io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(to, format, args...) }
	p("%s\n%s\n\n", r.Machine, r.Flags)
	lines := [][]string{{"what", "Kipay", "measured against", "ratio", "aim", "met"}}
	for _, one := range r.Rows {
		lines = append(lines, one.cells())
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			p("| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		p("|\n")
		if n == 0 {
			for _, w := range widths {
				p("| %s ", strings.Repeat("-", w))
			}
			p("|\n")
		}
	}
	p("\n")
	for _, one := range r.Rows {
		if one.Note != "" {
			p("- %s: %s\n", one.What, one.Note)
		}
	}
}

// perSecond is a rate as the table shows it.
func perSecond(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%d,%03d/s", int(v)/1000, int(v)%1000)
	}
	return fmt.Sprintf("%.0f/s", v)
}
