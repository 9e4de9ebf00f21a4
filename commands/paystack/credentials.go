package paystack

import (
	"fmt"
	"io"
	"strings"
)

// The domains of Paystack: one host, told apart by the key.
const (
	Test = "test"
	Live = "live"
)

// Credentials are what one payment channel proves itself with. Printed, logged or marshalled, in any way, they show
// whether they are test or live keys and nothing else; so they cannot be stored by marshalling them. They can be read
// from the configuration of a channel with encoding/json.
type Credentials struct {
	PublicKey string `json:"public_key"`
	SecretKey string `json:"secret_key"` // sk_test_… or sk_live_…
}

// Domain is Test or Live, by the secret key; empty when it is neither.
func (c Credentials) Domain() string {
	switch {
	case strings.HasPrefix(c.SecretKey, "sk_test_"):
		return Test
	case strings.HasPrefix(c.SecretKey, "sk_live_"):
		return Live
	}
	return ""
}

// Belongs tells whether what Paystack says about a domain is about this channel: a test event must never settle a live
// payment. An answer without a domain does not belong.
func (c Credentials) Belongs(domain string) bool { return domain != "" && domain == c.Domain() }

// String is the channel without its keys.
func (c Credentials) String() string {
	d := c.Domain()
	if d == "" {
		d = "unknown"
	}
	return "paystack " + d + " (keys redacted)"
}

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// Format is String for every verb, also those that would print the fields one by one.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// MarshalJSON is String as a JSON text, for structured loggers.
func (c Credentials) MarshalJSON() ([]byte, error) { return []byte(fmt.Sprintf("%q", c.String())), nil }

// MarshalText is String, for encoders that prefer text.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// problem is what is missing or misshapen, empty when nothing is.
func (c Credentials) problem() string {
	switch {
	case c.SecretKey == "":
		return "secret key is needed"
	case c.Domain() == "":
		return "secret key must begin with sk_test_ or sk_live_"
	case strings.ContainsFunc(c.SecretKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "secret key must not contain spaces"
	}
	return ""
}
