package pages

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	placeholder = regexp.MustCompile(`\{[a-z]+\}`)
	keyInHTML   = regexp.MustCompile(`\.(?:T|Prose) "([a-z0-9_]+)"`)
	stringInGo  = regexp.MustCompile(`"([a-z0-9_]+)"`)
)

func catalogues(t *testing.T) map[string]catalogue {
	t.Helper()
	all, err := loadCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryLanguageSaysTheSameThings(t *testing.T) {
	all := catalogues(t)
	want := all[languageCodes[0]]
	for code, words := range all {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(words))); diff != "" {
			t.Errorf("keys of %s (-%s +%s):\n%s", code, languageCodes[0], code, diff)
		}
		for key, text := range words {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", code, key)
			}
			names := func(s string) []string { return slices.Sorted(slices.Values(placeholder.FindAllString(s, -1))) }
			if diff := cmp.Diff(names(want[key]), names(text)); diff != "" {
				t.Errorf("names in %s of %s:\n%s", key, code, diff)
			}
		}
	}
}

func TestTranslationsAreTranslated(t *testing.T) {
	same := map[string]bool{"method_mpesa": true, "time": true}
	all := catalogues(t)
	for key, text := range all["sw"] {
		if text == all["en"][key] && !same[key] {
			t.Errorf("%s is the same in both languages: %s", key, text)
		}
	}
}

// TestEveryTextIsUsedAndThere looks for each key in the templates and in the code. Keys that are put together from a
// word and a value are made here from all values.
func TestEveryTextIsUsedAndThere(t *testing.T) {
	used := map[string]bool{}
	err := fs.WalkDir(templateFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := templateFiles.ReadFile(path)
		for _, m := range keyInHTML.FindAllStringSubmatch(string(raw), -1) {
			used[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	words := catalogues(t)["en"]
	for key := range used {
		if _, ok := words[key]; !ok {
			t.Errorf("a template asks for %q, which is not there", key)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range stringInGo.FindAllStringSubmatch(string(raw), -1) {
			used[m[1]] = true
		}
	}
	for _, code := range failureCodes {
		used["reason_"+code] = true
	}
	for _, phase := range []Phase{Open, Waiting, Paid, Failed, Expired, Review} {
		used["title_"+string(phase)] = true
	}
	for status := range messageIcons {
		used["error_"+strconv.Itoa(status)], used["error_"+strconv.Itoa(status)+"_text"] = true, true
	}
	for month := 1; month <= 12; month++ {
		used["month_"+strconv.Itoa(month)] = true
	}
	for _, method := range []string{"card", "bank", "mobile_money", "mpesa"} {
		used["method_"+method] = true
	}
	for key := range words {
		if !used[key] {
			t.Errorf("%q is used nowhere", key)
		}
	}
	for key := range used {
		for _, family := range []string{"reason_", "title_", "error_", "month_"} {
			if _, ok := words[key]; !ok && strings.HasPrefix(key, family) && key != family {
				t.Errorf("%q is not there", key)
			}
		}
	}
}

func TestNegotiateTakesTheBestLanguageThereIs(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "sw": "sw", "SW-ke": "sw", "fr;q=1, sw;q=0.3": "sw", "en;q=0.3, sw;q=0.4": "sw", "sw;q=0, en;q=0.1": "en",
		"sw;q=bad": "sw", ";;;,,,": "en", strings.Repeat("fr,", 50) + "sw": "en",
	} {
		if got := negotiate(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}
