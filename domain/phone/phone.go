// Package phone reads phone numbers: loosely for contact details, strictly for M-Pesa.
package phone

import (
	"errors"
	"strings"
)

// Errors of the readers, fit to show.
var (
	ErrPlausible = errors.New("must be an international phone number of 8 to 15 digits")
	ErrMpesa     = errors.New("must be in the format 254XXXXXXXXX, starting with 2547 or 2541")
)

// Contact reads any plausible international number: an optional +, then 8 to 15 digits, spaces and dashes stripped. It
// answers the digits with the + if there was one.
func Contact(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() <= 16; i++ {
		switch c := s[i]; {
		case c == ' ' || c == '-':
		case c == '+' && b.Len() == 0:
			b.WriteByte(c)
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		default:
			return "", ErrPlausible
		}
	}
	n := len(strings.TrimPrefix(b.String(), "+"))
	if n < 8 || n > 15 {
		return "", ErrPlausible
	}
	return b.String(), nil
}

// Mpesa reads the one form that the API takes: 254 and then 7xxxxxxxx or 1xxxxxxxx.
func Mpesa(s string) (string, error) {
	if len(s) != 12 || s[:3] != "254" || (s[3] != '7' && s[3] != '1') {
		return "", ErrMpesa
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", ErrMpesa
		}
	}
	return s, nil
}

// NormaliseMpesa reads what a person types on the checkout page (07…, 01…, 7…, +254 7…, with spaces or dashes) into the
// form of Mpesa.
func NormaliseMpesa(s string) (string, error) {
	var b strings.Builder
	for _, c := range strings.TrimSpace(s) {
		switch {
		case c >= '0' && c <= '9':
			b.WriteRune(c)
		case c == ' ', c == '-', c == '(', c == ')', c == '.', c == '\u00a0':
		case c == '+' && b.Len() == 0:
		default:
			return "", ErrMpesa
		}
		if b.Len() > 15 {
			return "", ErrMpesa
		}
	}
	d := b.String()
	switch {
	case len(d) == 10 && d[0] == '0':
		d = "254" + d[1:]
	case len(d) == 9:
		d = "254" + d
	case len(d) == 13 && strings.HasPrefix(d, "2540"):
		d = "254" + d[4:]
	}
	return Mpesa(d)
}
