package paystack

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// maxTextRunes bounds the text that is taken from a payload.
const maxTextRunes = 255

// reader reads the fields of one object and keeps the first problem.
type reader struct {
	fields map[string]json.RawMessage
	err    error
}

func (r *reader) fail(p upstream.Problem, field string) {
	if r.err == nil {
		r.err = &upstream.DecodeError{Problem: p, Field: field}
	}
}

// text is a text or number; when needed it must be there and not empty.
func (r *reader) text(name string, needed bool) string {
	s, present, ok := upstream.ScalarOf(r.fields[name])
	switch {
	case !ok:
		r.fail(upstream.WrongType, name)
	case needed && (!present || s == ""):
		r.fail(upstream.MissingField, name)
	case len(s) > maxTextRunes:
		r.fail(upstream.BadValue, name)
		return ""
	}
	return s
}

// id is the field id, an unsigned 64-bit number as text, empty when it is not there.
func (r *reader) id() string {
	const name = "id"
	s := r.text(name, false)
	if s == "" {
		return ""
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		r.fail(upstream.BadValue, name)
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func (r *reader) currency(name string) money.Currency {
	s := r.text(name, true)
	if s == "" {
		return ""
	}
	c, err := money.ParseCurrency(s)
	if err != nil {
		r.fail(upstream.BadValue, name)
		return ""
	}
	return c
}

// maxSubunits keeps sums of amounts within an int64.
const maxSubunits = 1 << 43

// subunits is an integer amount, as a number or as a text; nil when it is not there. It never passes through a float.
func (r *reader) subunits(name string, c money.Currency, needed bool) *money.Money {
	s := r.text(name, needed)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > maxSubunits {
		r.fail(upstream.BadValue, name)
		return nil
	}
	m := money.Of(n, c)
	return &m
}

// signedSubunits is an integer amount that may be negative, as deductions are written by some; nil when it is not there.
func (r *reader) signedSubunits(name string, c money.Currency) *money.Money {
	s := r.text(name, false)
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -maxSubunits || n > maxSubunits {
		r.fail(upstream.BadValue, name)
		return nil
	}
	m := money.Of(n, c)
	return &m
}

// shorten is text without control characters, at most maxTextRunes long.
func shorten(s string) string {
	n := 0
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if n++; n > maxTextRunes || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}
