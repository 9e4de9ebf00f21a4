package reconciliation

import "strings"

// sentAccount is how many characters of an account reference M-Pesa is sent (Daraja, M-Pesa Express, AccountReference).
const sentAccount = 12

// normalAccount is how accounts and references are compared: letters and digits in upper case, because that is all that
// M-Pesa is sent, and customers type them in any case, with spaces and dashes.
func normalAccount(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= '0' && s[i] <= '9' || s[i] >= 'A' && s[i] <= 'Z'
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z':
			b.WriteByte(c)
		case c >= 'a' && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
		}
	}
	return b.String()
}

// cutAccount is a normal account as M-Pesa is sent it.
func cutAccount(s string) string {
	if len(s) > sentAccount {
		return s[:sentAccount]
	}
	return s
}

// phoneDigits is how long a Kenyan number is, in the form 2547xxxxxxxx; visibleEnd is how many digits at its end have to
// be shown for it to be compared.
const (
	phoneDigits = 12
	visibleEnd  = 3
)

// normalPhone is a number in M-Pesa's form, with * for digits that are not shown ("25472****108", "2547 ***** 126"); empty
// for what can't be compared, such as a hash.
func normalPhone(s string) string {
	if s == "" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '*':
			b.WriteByte(c)
		case c == 'X', c == 'x':
			b.WriteByte('*')
		case c == ' ', c == '-', c == '+' && i == 0:
		default:
			return ""
		}
		if b.Len() > phoneDigits {
			return ""
		}
	}
	p := b.String()
	if len(p) == 10 && p[0] == '0' {
		p = "254" + p[1:]
	}
	if len(p) != phoneDigits || strings.IndexByte(p[phoneDigits-visibleEnd:], '*') >= 0 {
		return ""
	}
	return p
}

// samePhone tells whether two normal phones can be the same number.
func samePhone(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && a[i] != '*' && b[i] != '*' {
			return false
		}
	}
	return true
}

// phoneEnd is the part of a normal phone that every mask shows.
func phoneEnd(p string) string { return p[len(p)-visibleEnd:] }
