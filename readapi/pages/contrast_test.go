package pages

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The contrasts that WCAG 2.2 asks for at level AA.
const (
	contrastText  = 4.5 // 1.4.3, text of any size
	contrastShape = 3.0 // 1.4.11, edges of controls, marks of focus, icons
)

// pairs are the colours that meet on a page, foreground first.
var pairs = []struct {
	front, back string
	least       float64
}{
	{"ink", "paper", contrastText},
	{"ink", "card", contrastText},
	{"ink", "accent-soft", contrastText},
	{"muted", "paper", contrastText},
	{"muted", "card", contrastText},
	{"accent", "card", contrastText},
	{"accent", "accent-soft", contrastText},
	{"accent", "paper", contrastShape},
	{"on-accent", "accent", contrastText},
	{"on-accent", "accent-strong", contrastText},
	{"on-stub", "stub", contrastText},
	{"stub-muted", "stub", contrastText},
	{"coin", "stub", contrastShape},
	{"bad", "card", contrastText},
	{"bad", "bad-soft", contrastText},
	{"warn", "warn-soft", contrastText},
	{"edge", "card", contrastShape},
	{"bad", "card", contrastShape},
	{"accent", "line", contrastShape},
	{"focus", "card", contrastShape},
	{"focus", "paper", contrastShape},
}

var (
	rootBlock = regexp.MustCompile(`:root \{([^}]*)\}`)
	property  = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})\b`)
)

// themes reads the custom properties of the style sheet: the first :root is light, the second, inside the query for a
// dark scheme, changes some of them.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	raw, err := assetFiles.ReadFile("assets/checkout.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := rootBlock.FindAllStringSubmatch(string(raw), -1)
	if len(blocks) < 2 {
		t.Fatal("the style sheet has no two themes")
	}
	light, dark := map[string]string{}, map[string]string{}
	for _, m := range property.FindAllStringSubmatch(blocks[0][1], -1) {
		light[m[1]], dark[m[1]] = m[2], m[2]
	}
	for _, m := range property.FindAllStringSubmatch(blocks[1][1], -1) {
		dark[m[1]] = m[2]
	}
	return map[string]map[string]string{"light": light, "dark": dark}
}

// luminance is the relative luminance of a colour as WCAG 2.2 defines it.
func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			panic(err)
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func contrast(a, b string) float64 {
	la, lb := luminance(a), luminance(b)
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func TestContrastIsEnoughInBothThemes(t *testing.T) {
	if got := fmt.Sprintf("%.0f", contrast("#000000", "#ffffff")); got != "21" {
		t.Fatalf("black on white is %s", got)
	}
	for name, colours := range themes(t) {
		for _, p := range pairs {
			front, back := colours[p.front], colours[p.back]
			if front == "" || back == "" {
				t.Errorf("%s on %s: no such colour", p.front, p.back)
				continue
			}
			if got := contrast(front, back); got < p.least {
				t.Errorf("%s: %s on %s is %.2f, less than %.1f", name, p.front, p.back, got, p.least)
			}
		}
	}
}

// TestColoursComeFromTheThemes keeps colours that no test computes out of the style sheet.
func TestColoursComeFromTheThemes(t *testing.T) {
	raw, err := assetFiles.ReadFile("assets/checkout.css")
	if err != nil {
		t.Fatal(err)
	}
	rest := rootBlock.ReplaceAllString(string(raw), "")
	if found := regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b`).FindAllString(rest, -1); len(found) > 0 {
		t.Errorf("colours outside of the themes: %s", strings.Join(found, " "))
	}
	if strings.Contains(rest, "http:") || strings.Contains(rest, "https:") || strings.Contains(rest, "@import") {
		t.Error("the style sheet loads something from elsewhere")
	}
}
