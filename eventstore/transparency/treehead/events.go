// Package treehead holds the rules of signed tree heads: the events that keep them, what they add up to, and when there is a
// new one. It is pure, and knows neither trees nor signatures: those are checked and made in package transparency before.
//
// Heads and keys have a stream each, because the newest head is found at the end of a long one, and keys add up from the
// beginning of a short one. The tree leaves both out.
package treehead

import "time"

// The streams.
const (
	HeadsStream = "transparency-heads"
	KeysStream  = "transparency-keys"
)

// Signed says that a head of the tree was signed: this many events, with this root, and no others.
type Signed struct {
	// Size is how many leaves the tree has, Root its hash in base64.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Checkpoint is the signed note (C2SP tlog-checkpoint), whole.
	Checkpoint string    `json:"checkpoint"`
	At         time.Time `json:"at"`
}

// EventType is the wire name.
func (Signed) EventType() string { return "TransparencyHeadSigned" }

// Cosigned says that witnesses have seen the head of that size, and found it consistent with those they saw before.
type Cosigned struct {
	Size int64 `json:"size"`
	// Cosignatures are lines of signatures for the head's checkpoint (C2SP tlog-cosignature), without their ends.
	Cosignatures []string  `json:"cosignatures"`
	At           time.Time `json:"at"`
}

// EventType is the wire name.
func (Cosigned) EventType() string { return "TransparencyHeadCosigned" }

// KeyRotated says that a key signs heads from now on. The first has number 1.
type KeyRotated struct {
	Number int `json:"number"`
	// VerifierKey is its public half (C2SP signed-note, Verifier keys).
	VerifierKey string `json:"verifier_key"`
	// Introduction is a note in which the keys that signed until now, and the new one, vouch for it; empty for the first.
	Introduction string    `json:"introduction,omitempty"`
	At           time.Time `json:"at"`
}

// EventType is the wire name.
func (KeyRotated) EventType() string { return "TransparencyKeyRotated" }

// KeyRetired says that a key signs no more heads. What it signed stays true, and its public half stays published.
type KeyRetired struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
}

// EventType is the wire name.
func (KeyRetired) EventType() string { return "TransparencyKeyRetired" }
