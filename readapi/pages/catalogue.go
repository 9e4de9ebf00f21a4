package pages

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

//go:embed catalogue
var catalogueFiles embed.FS

// languageCodes are the languages there is a catalogue of, the default first.
var languageCodes = []string{"en", "sw"}

// catalogue is all the words of one language. A text may hold {names} that Text fills in.
type catalogue map[string]string

// loadCatalogues reads the catalogue of every language.
func loadCatalogues() (map[string]catalogue, error) {
	all := make(map[string]catalogue, len(languageCodes))
	for _, code := range languageCodes {
		raw, err := catalogueFiles.ReadFile("catalogue/" + code + ".json")
		if err != nil {
			return nil, err
		}
		var words catalogue
		if err := json.Unmarshal(raw, &words); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", code, err)
		}
		all[code] = words
	}
	return all, nil
}

// text is the text of key with its {names} filled in from pairs of name and value. A key that is not there is a broken
// template of ours.
func (c catalogue) text(key string, pairs ...string) string {
	s, ok := c[key]
	if !ok {
		panic(fmt.Sprintf("pages: no text %q in the catalogue", key))
	}
	if len(pairs) == 0 {
		return s
	}
	named := make([]string, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		named[i], named[i+1] = "{"+pairs[i]+"}", pairs[i+1]
	}
	return strings.NewReplacer(named...).Replace(s)
}

// failureCodes are the failure codes that the catalogues explain, as reason_ and the code.
var failureCodes = []string{
	"insufficient_funds", "below_minimum", "above_maximum", "limit_exceeded", "cancelled_by_user", "wrong_pin",
	"pin_locked", "unreachable", "expired", "timeout", "subscriber_busy", "duplicate_request", "system_busy",
	"account_inactive", "declined", "abandoned", "provider_error",
}

// explains tells whether the catalogues have a text for the failure code.
func (c catalogue) explains(code string) bool { return slices.Contains(failureCodes, code) }

// reason explains a failure: by its code, else in the provider's own words, else not at all.
func (c catalogue) reason(code, words string) string {
	if c.explains(code) {
		return c.text("reason_" + code)
	}
	if words = strings.TrimSpace(words); words != "" {
		return words
	}
	return c.text("reason_other")
}

// method names a payment method, empty for one unknown here.
func (c catalogue) method(m string) string {
	switch {
	case m == "card", m == "bank", m == "mobile_money":
		return c.text("method_" + m)
	case strings.HasPrefix(m, "mpesa"):
		return c.text("method_mpesa")
	}
	return ""
}

// knownLanguage is code when there is a catalogue of it.
func knownLanguage(code string) (string, bool) {
	for _, known := range languageCodes {
		if code == known {
			return known, true
		}
	}
	return "", false
}

// acceptedLanguages bounds how many entries of an Accept-Language header are read.
const acceptedLanguages = 20

// negotiate picks the language of an Accept-Language header (RFC 9110, 12.5.4), the default when none fits.
func negotiate(header string) string {
	type wish struct {
		code string
		q    float64
	}
	var wishes []wish
	for i, part := range strings.Split(header, ",") {
		if i == acceptedLanguages {
			break
		}
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		code, ok := knownLanguage(base)
		if !ok {
			continue
		}
		q := 1.0
		if v, found := strings.CutPrefix(strings.TrimSpace(params), "q="); found {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				q = f
			}
		}
		if q > 0 {
			wishes = append(wishes, wish{code, q})
		}
	}
	if len(wishes) == 0 {
		return languageCodes[0]
	}
	sort.SliceStable(wishes, func(i, j int) bool { return wishes[i].q > wishes[j].q })
	return wishes[0].code
}
