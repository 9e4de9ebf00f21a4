package paystack

import (
	"regexp"
	"strings"
	"unicode"
)

// redacted stands where something was taken out of a text.
const redacted = "[redacted]"

var (
	keyLike   = regexp.MustCompile(`\b[sp]k_(?:test|live)_\w*`)
	emailLike = regexp.MustCompile(`[^\s"'<>@]+@[^\s"'<>@]+\.[^\s"'<>@]+`)
	phoneLike = regexp.MustCompile(`(?:\+?254|\b0)[17]\d{8}\b`)
)

// cleaner takes keys, email addresses and phone numbers out of what somebody else wrote, for error texts.
type cleaner struct{ replacer *strings.Replacer }

// newCleaner makes a cleaner that knows these values; what looks like a key, an email address or a Kenyan mobile goes
// in any case.
func newCleaner(private ...string) cleaner {
	var pairs []string
	for _, p := range private {
		if p != "" {
			pairs = append(pairs, p, redacted)
		}
	}
	return cleaner{strings.NewReplacer(pairs...)}
}

// text is s without private values and control characters, and not longer than maxMessageRunes.
func (c cleaner) text(s string) string {
	s = c.replacer.Replace(s)
	s = keyLike.ReplaceAllString(s, redacted)
	s = emailLike.ReplaceAllString(s, redacted)
	s = phoneLike.ReplaceAllString(s, redacted)
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxMessageRunes {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// cause is err with its text cleaned.
func (c cleaner) cause(err error) error { return cleanCause{c.text(err.Error()), err} }
