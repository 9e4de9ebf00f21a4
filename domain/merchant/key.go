package merchant

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/benfex/kipay/domain"
)

// The prefixes of API keys, by mode.
const (
	LivePrefix = "kp_live_"
	TestPrefix = "kp_test_"
	// keySecretChars is the length of what follows the prefix: 32 characters of 0-9A-Za-z, some 190 bits.
	keySecretChars = 32
)

// KeyID is the public name of an API key: the first 128 bits of its SHA-256, in hex. The key itself is never stored.
type KeyID = string

// KeyIDOf is the id of a key. ok is false when the text can't be a key of ours.
func KeyIDOf(key string) (id KeyID, ok bool) {
	secret, live := strings.CutPrefix(key, LivePrefix)
	if !live {
		var test bool
		if secret, test = strings.CutPrefix(key, TestPrefix); !test {
			return "", false
		}
	}
	if len(secret) != keySecretChars {
		return "", false
	}
	for i := range len(secret) {
		c := secret[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "", false
		}
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]), true
}

// NewKey makes a key of the mode from randomness: each byte of random picks a character, 32 bytes are needed.
func NewKey(mode domain.Mode, random [keySecretChars]byte) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	prefix := TestPrefix
	if mode == domain.ModeLive {
		prefix = LivePrefix
	}
	out := []byte(prefix)
	for _, r := range random {
		// 62 does not divide 256; the bias costs less than a hundredth of a bit a character.
		out = append(out, alphabet[int(r)%len(alphabet)])
	}
	return string(out)
}

// KeyStream is the stream of an API key.
func KeyStream(id KeyID) string { return "apikey-" + id }

// KeyIssued makes an API key valid.
type KeyIssued struct {
	ID       KeyID       `json:"id"`
	Merchant ID          `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Label    string      `json:"label,omitempty"`
	Scopes   []string    `json:"scopes,omitempty"`
	At       time.Time   `json:"at"`
}

// EventType is the wire name.
func (KeyIssued) EventType() string { return "ApiKeyIssued" }

// KeyRevoked ends an API key for good.
type KeyRevoked struct {
	ID       KeyID     `json:"id"`
	Merchant ID        `json:"merchant_id"`
	At       time.Time `json:"at"`
}

// EventType is the wire name.
func (KeyRevoked) EventType() string { return "ApiKeyRevoked" }

// KeyState is an API key.
type KeyState struct {
	ID       KeyID
	Merchant ID
	Mode     domain.Mode
	Label    string
	Scopes   []string
	IssuedAt time.Time
	Revoked  bool
}

// Evolve is the state after e.
func (s KeyState) Evolve(e domain.Event) KeyState {
	switch e := e.(type) {
	case KeyIssued:
		s = KeyState{ID: e.ID, Merchant: e.Merchant, Mode: e.Mode, Label: e.Label, Scopes: e.Scopes, IssuedAt: e.At}
	case KeyRevoked:
		s.Revoked = true
	}
	return s
}

// IssueKey makes a key valid. Without scopes it may read and write.
type IssueKey struct {
	ID       KeyID
	Merchant ID
	Mode     domain.Mode
	Label    string
	Scopes   []string
	At       time.Time
}

// Decide issues it once. Errors: Invalid on mode or scopes.
func (c IssueKey) Decide(s KeyState) ([]domain.Event, error) {
	if s.ID != "" {
		return nil, domain.Conflictf("this key was issued already")
	}
	if c.Mode != domain.ModeTest && c.Mode != domain.ModeLive {
		return nil, domain.Invalid("mode", "must be test or live")
	}
	for _, scope := range c.Scopes {
		if scope != domain.ScopeRead && scope != domain.ScopeWrite && scope != domain.ScopeApprove {
			return nil, domain.Invalid("scopes", "must be read, write or approve")
		}
	}
	if slices.Contains(c.Scopes, domain.ScopeWrite) && slices.Contains(c.Scopes, domain.ScopeApprove) {
		return nil, domain.Invalid("scopes", "can't be write and approve: the second person has a key of their own")
	}
	return []domain.Event{KeyIssued{ID: c.ID, Merchant: c.Merchant, Mode: c.Mode, Label: c.Label, Scopes: c.Scopes, At: c.At}}, nil
}

// RevokeKey ends a key.
type RevokeKey struct {
	ID KeyID
	At time.Time
}

// Decide revokes it once; again decides nothing. Errors: NotFound.
func (c RevokeKey) Decide(s KeyState) ([]domain.Event, error) {
	if s.ID == "" {
		return nil, domain.NotFoundf("no such API key")
	}
	if s.Revoked {
		return nil, nil
	}
	return []domain.Event{KeyRevoked{ID: c.ID, Merchant: s.Merchant, At: c.At}}, nil
}
