package simulator

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageSource string

//go:embed style.css
var styleSource []byte

// pageData is what the page shows.
type pageData struct {
	Prompts   []Prompt
	Scenarios []Scenario
	Orders    []InitiatorScenario
}

// page is GET /: the phone of whoever pays, for a person. It reloads itself every few seconds; there is no script.
func (s *Simulator) page(w http.ResponseWriter, _ *http.Request) {
	tmpl, err := template.New("page").Parse(pageSource)
	if err == nil {
		var out bytes.Buffer
		if err = tmpl.Execute(&out, pageData{s.Prompts(), Scenarios(), InitiatorScenarios()}); err == nil {
			h := w.Header()
			h.Set("Content-Type", "text/html; charset=utf-8")
			h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
			h.Set("Cache-Control", "no-store")
			h.Set("Referrer-Policy", "same-origin")
			_, _ = w.Write(out.Bytes())
			return
		}
	}
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func styleSheet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(styleSource)
}
