package mpesa

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
)

// The environments of Daraja. They differ by host and by credentials; paths and bodies are the same.
const (
	Sandbox    = "sandbox"
	Production = "production"
)

// Credentials are what one payment channel proves itself with. Printed, logged or marshalled, in any way, they show the
// environment and the numbers that customers see anyway, never the secrets; so they cannot be stored by marshalling
// them. They can be read from the configuration of a channel with encoding/json.
type Credentials struct {
	Environment    string `json:"environment"` // Sandbox or Production
	ConsumerKey    string `json:"consumer_key"`
	ConsumerSecret string `json:"consumer_secret"`
	// ShortCode is the paybill, or for a till the store (head office) number that owns the passkey.
	ShortCode string `json:"shortcode"`
	Passkey   string `json:"passkey"`
	// TillNumber makes it Buy Goods: the money goes to this till.
	TillNumber string `json:"till_number,omitempty"`
	// InitiatorName and SecurityCredential are the API operator's user name and encrypted password (see
	// Certificate.SecurityCredential). Reversals, payouts, status and balance queries need them, payments do not.
	InitiatorName      string `json:"initiator_name,omitempty"`
	SecurityCredential string `json:"security_credential,omitempty"`
}

// String is the channel without its secrets.
func (c Credentials) String() string {
	s := "mpesa " + c.Environment + " " + c.ShortCode
	if c.TillNumber != "" {
		s += " till " + c.TillNumber
	}
	return s + " (secrets redacted)"
}

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// Format is String for every verb, also those that would print the fields one by one.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON is String as a JSON text, for structured loggers.
func (c Credentials) MarshalJSON() ([]byte, error) { return []byte(fmt.Sprintf("%q", c.String())), nil }

// MarshalText is String, for encoders that prefer text.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// fingerprint names the Daraja app behind the credentials: channels of one app share its token, because minting a
// second token may end the first (SAF-DOC, Authorization FAQ).
func (c Credentials) fingerprint(base string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{base, c.ConsumerKey, c.ConsumerSecret}, "\x00")))
	return string(sum[:])
}

// problem is what is missing or misshapen, empty when nothing is.
func (c Credentials) problem() string {
	switch {
	case c.Environment != Sandbox && c.Environment != Production:
		return "environment must be sandbox or production"
	case c.ConsumerKey == "" || c.ConsumerSecret == "":
		return "consumer key and consumer secret are needed"
	case !isShortCode(c.ShortCode):
		return "shortcode must be 5 to 7 digits"
	case c.TillNumber != "" && !isShortCode(c.TillNumber):
		return "till number must be 5 to 7 digits"
	}
	return ""
}

// isShortCode tells whether s is 5 to 7 digits (Daraja, M-Pesa Express: BusinessShortCode).
func isShortCode(s string) bool { return len(s) >= 5 && len(s) <= 7 && allDigits(s) }

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
