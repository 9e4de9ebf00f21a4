package mpesa

import "strings"

// The lengths that Daraja allows (Daraja, M-Pesa Express); whether it cuts or refuses longer texts is not documented.
const (
	MaxAccountReference = 12
	MaxDescription      = 13
)

// SanitiseAccountReference is what Daraja gets as AccountReference: letters and digits only, at most 12, never empty.
// The payer sees it in the prompt and in the SMS.
func SanitiseAccountReference(s string) string {
	return orDefault(keep(s, MaxAccountReference, false), "PAYMENT")
}

// SanitiseDescription is what Daraja gets as TransactionDesc: letters, digits and single spaces, at most 13, never
// empty.
func SanitiseDescription(s string) string {
	return orDefault(keep(s, MaxDescription, true), "Payment")
}

// keep is the first n ASCII letters and digits of s, with single spaces for what stands between them if asked.
func keep(s string, n int, spaces bool) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		if b.Len() == n {
			break
		}
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			if gap && spaces && b.Len() > 0 {
				if b.Len() == n-1 {
					break
				}
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(r)
		} else {
			gap = true
		}
	}
	return b.String()
}
