package phone

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// leastShown is how many digits a hidden number must show to be compared.
const leastShown = 5

// Shows tells whether shown is what a provider shows of the number, 254712345678: the number itself, with stars for some digits
// (25470****149, 2547 ***** 126: how many are hidden is not said reliably), or its SHA-256 in hex (Daraja, C2B register URL, v1 and v2).
func Shows(shown, number string) bool {
	shown = strings.TrimPrefix(strings.ReplaceAll(shown, " ", ""), "+")
	if len(shown) == hex.EncodedLen(sha256.Size) {
		return strings.EqualFold(shown, Hash(number))
	}
	first, last := strings.IndexByte(shown, '*'), strings.LastIndexByte(shown, '*')
	if first < 0 {
		return shown != "" && shown == number
	}
	head, tail := shown[:first], shown[last+1:]
	return len(head)+len(tail) >= leastShown && len(head)+len(tail) < len(number) && strings.HasPrefix(number, head) && strings.HasSuffix(number, tail)
}

// Hash is a number, 254712345678, as Daraja shows it hashed.
func Hash(number string) string {
	sum := sha256.Sum256([]byte(number))
	return hex.EncodeToString(sum[:])
}
