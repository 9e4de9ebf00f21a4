package payout

import "strings"

// Reference is Kipay's name of a payout: PAYOUT and then 16 of 0-9A-Z. M-Pesa is given it too.
type Reference string

// Prefix begins the references of payouts.
const Prefix = "PAYOUT"

const referenceChars = 16

// ParseReference tells whether a text has the form of a reference, so that nothing else becomes a stream's name.
func ParseReference(s string) (Reference, bool) {
	rest, ok := strings.CutPrefix(s, Prefix)
	if !ok || len(rest) != referenceChars {
		return "", false
	}
	for i := range len(rest) {
		if (rest[i] < '0' || rest[i] > '9') && (rest[i] < 'A' || rest[i] > 'Z') {
			return "", false
		}
	}
	return Reference(s), true
}

// Stream is the payout's stream, and the name of the key that seals what is personal in it.
func (r Reference) Stream() string { return "payout-" + string(r) }
