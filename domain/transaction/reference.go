package transaction

import "strings"

// Reference is Kipay's name of a transaction: KIPAY or MPESA and then at least 16 of 0-9A-Z from a secure source.
type Reference string

// The prefixes of references.
const (
	CheckoutPrefix = "KIPAY"
	MpesaPrefix    = "MPESA"
	// ReferenceChars is how many characters follow the prefix: some 82 bits.
	ReferenceChars = 16
)

const referenceAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// NewReference makes a reference from at least ReferenceChars bytes of randomness or of a keyed hash.
func NewReference(prefix string, random []byte) Reference {
	var b strings.Builder
	b.Grow(len(prefix) + ReferenceChars)
	b.WriteString(prefix)
	for _, r := range random[:ReferenceChars] {
		b.WriteByte(referenceAlphabet[int(r)%len(referenceAlphabet)])
	}
	return Reference(b.String())
}

// ParseReference tells whether a text has the form of a reference, so that nothing else becomes a stream's name.
func ParseReference(s string) (Reference, bool) {
	if len(s) < len(CheckoutPrefix)+ReferenceChars || len(s) > 40 {
		return "", false
	}
	if !strings.HasPrefix(s, CheckoutPrefix) && !strings.HasPrefix(s, MpesaPrefix) {
		return "", false
	}
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'A' || s[i] > 'Z') {
			return "", false
		}
	}
	return Reference(s), true
}

// Stream is the transaction's stream.
func (r Reference) Stream() string { return "transaction-" + string(r) }
