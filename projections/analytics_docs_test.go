package projections

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheTableOfAnalystsViewsIsWhole(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "analytics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range analystViews() {
		if !strings.Contains(string(text), "\n| `"+view+"` | ") {
			t.Errorf("docs/analytics.md has no line for %s", view)
		}
	}
}

func TestQueriesForAnalystsSayWhichModeTheyAreAbout(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "analytics.md"))
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("(?s)```sql\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(queries) < 20 {
		t.Errorf("docs/analytics.md has %d queries", len(queries))
	}
	for _, q := range queries {
		if !strings.Contains(q[1], "mode") && !strings.Contains(q[1], "FROM events") {
			t.Errorf("test payments would count as money:\n%s", q[1])
		}
	}
}
