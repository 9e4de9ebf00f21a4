// Package analyst holds the rules of analysts' tokens: who may ask the read models in SQL, of which merchant, and whether
// personal data is shown. A token's stream is analyst-{id}; the token itself is nowhere.
package analyst

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
)

// Prefix begins every token; secretChars follow it, of 0-9A-Za-z.
const (
	Prefix      = "kp_analyst_"
	secretChars = 32
	maxName     = 60
)

// NewToken makes a token of randomness.
func NewToken(random [secretChars]byte) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := []byte(Prefix)
	for _, r := range random {
		// 62 does not divide 256; the bias costs less than a hundredth of a bit a character.
		out = append(out, alphabet[int(r)%len(alphabet)])
	}
	return string(out)
}

// IDOf is a token's public name: the first 128 bits of its SHA-256, in hex. ok is false when the text can't be a token.
func IDOf(token string) (id string, ok bool) {
	secret, ok := strings.CutPrefix(token, Prefix)
	if !ok || len(secret) != secretChars {
		return "", false
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:16]), true
}

// Stream is the stream of a token.
func Stream(id string) string { return "analyst-" + id }

// Issued makes a token valid.
type Issued struct {
	ID string `json:"id"`
	// Name is what the operator calls it: a job or a tool, not a person's name.
	Name string `json:"name"`
	// Merchant is the only one whose rows are shown; 0 is all.
	Merchant int64 `json:"merchant_id,omitempty"`
	// Personal shows payers' names, emails and phones.
	Personal bool      `json:"personal,omitempty"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (Issued) EventType() string { return "AnalystTokenIssued" }

// Revoked ends a token for good.
type Revoked struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// EventType is the wire name.
func (Revoked) EventType() string { return "AnalystTokenRevoked" }

// State is a token.
type State struct {
	Issued
	Ended bool
}

// Valid tells whether it opens anything.
func (s State) Valid() bool { return s.ID != "" && !s.Ended }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	switch e := e.(type) {
	case Issued:
		s.Issued = e
	case Revoked:
		s.Ended = true
	}
	return s
}

// Issue makes a token valid.
type Issue struct{ Issued }

// Decide issues it once. Errors: Invalid on name.
func (c Issue) Decide(s State) ([]domain.Event, error) {
	if s.ID != "" {
		return nil, domain.Conflictf("this token was issued already")
	}
	plain := func(r rune) bool {
		return r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	}
	if c.Name == "" || len(c.Name) > maxName || strings.IndexFunc(c.Name, func(r rune) bool { return !plain(r) }) >= 0 {
		return nil, domain.Invalid("name", "must be 1 to 60 letters, digits, - _ and dots, such as grafana")
	}
	return []domain.Event{c.Issued}, nil
}

// Revoke ends a token.
type Revoke struct {
	ID string
	At time.Time
}

// Decide ends it once. Errors: NotFound.
func (c Revoke) Decide(s State) ([]domain.Event, error) {
	switch {
	case s.ID == "":
		return nil, domain.NotFoundf("no such analyst token")
	case s.Ended:
		return nil, nil
	}
	return []domain.Event{Revoked{ID: c.ID, At: c.At}}, nil
}
