package mpesa

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/benfex/kipay/commands/upstream"
	"github.com/benfex/kipay/domain/money"
)

// maxTextRunes bounds the free text that is taken from a payload: names, references.
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
func (r *reader) text(name string, needed bool) string { return r.named(name, name, needed) }

// named is text, of a field whose name in errors is another one.
func (r *reader) named(key, name string, needed bool) string {
	s, present, ok := upstream.ScalarOf(r.fields[key])
	switch {
	case !ok:
		r.fail(upstream.WrongType, name)
	case needed && (!present || s == ""):
		r.fail(upstream.MissingField, name)
	}
	return s
}

func (r *reader) id(name string, needed bool) string {
	s := r.text(name, needed)
	if s != "" && !isID(s) {
		r.fail(upstream.BadValue, name)
		return ""
	}
	return s
}

func (r *reader) receipt(key, name string, needed bool) string {
	s := r.named(key, name, needed)
	if s != "" && !IsReceipt(s) {
		r.fail(upstream.BadValue, name)
		return ""
	}
	return s
}

// amount is a decimal number, or one in a text, in KES and more than zero. It never passes through a float.
func (r *reader) amount(key, name string, needed bool) *money.Money {
	s := r.named(key, name, needed)
	if s == "" {
		return nil
	}
	plain, ok := plainDecimal(s)
	if !ok {
		r.fail(upstream.BadValue, name)
		return nil
	}
	m, err := money.Parse(plain, money.KES)
	if err != nil || !m.IsPositive() {
		r.fail(upstream.BadValue, name)
		return nil
	}
	return &m
}

// IsReceipt tells whether s can be an M-Pesa receipt: 6 to 20 capital letters and digits; today's have 10.
func IsReceipt(s string) bool {
	if len(s) < 6 || len(s) > 20 {
		return false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'A' || s[i] > 'Z') {
			return false
		}
	}
	return true
}

// shorten is free text without control characters, at most maxTextRunes long.
func shorten(s string) string {
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > maxTextRunes || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
