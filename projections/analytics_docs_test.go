package projections

import (
	"os"
	"path/filepath"
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
