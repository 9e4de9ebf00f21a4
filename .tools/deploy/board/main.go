// Command board reads Grafana boards as strictly as Grafana's own types allow: no field left over, every panel asks
// something, no id twice. It prints their queries, one a line, with Grafana's own words filled in.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	words := strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$__interval", "1m", "\n", " ")
	for _, path := range os.Args[1:] {
		queries, err := read(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
		for _, q := range queries {
			fmt.Println(words.Replace(q))
		}
	}
}

func read(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var board dashboard.Dashboard
	var found cog.BuildErrors // none is an error without members there
	if err := board.UnmarshalJSONStrict(text); err != nil && (!errors.As(err, &found) || len(found) > 0) {
		return nil, fmt.Errorf("not a board: %w", err)
	}
	if err := board.Validate(); err != nil {
		return nil, fmt.Errorf("not a valid board: %w", err)
	}
	var raw struct {
		Panels []struct {
			ID      int    `json:"id"`
			Title   string `json:"title"`
			Type    string `json:"type"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	var queries []string
	ids := map[int]bool{}
	for _, p := range raw.Panels {
		if ids[p.ID] {
			return nil, fmt.Errorf("panel %q: id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			return nil, fmt.Errorf("panel %q asks nothing", p.Title)
		}
		for _, t := range p.Targets {
			queries = append(queries, t.Expr)
		}
	}
	if len(queries) == 0 {
		return nil, errors.New("no query found")
	}
	return queries, nil
}
