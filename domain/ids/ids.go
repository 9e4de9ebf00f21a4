// Package ids holds the rules by which integer ids are drawn: in blocks (hi-lo), reserved by events in the stream
// ids-{kind}, so that they are small, unique across nodes and survive crashes. What is left of a block at a crash is
// skipped, never reused.
package ids

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// Kind is what is numbered.
type Kind string

// The kinds.
const (
	Merchant    Kind = "merchant"
	Channel     Kind = "channel"
	Customer    Kind = "customer"
	Transaction Kind = "transaction"
	Refund      Kind = "refund"
	Statement   Kind = "statement"
	Hold        Kind = "hold" // of legal holds
	Payout      Kind = "payout"
)

// Max is the largest id: what every JSON parser reads exactly.
const Max = 1<<53 - 1

// Stream is the stream of a kind's blocks.
func Stream(k Kind) string { return "ids-" + string(k) }

// BlockReserved hands out the ids From to To, both included.
type BlockReserved struct {
	Kind Kind      `json:"kind"`
	From int64     `json:"from"`
	To   int64     `json:"to"`
	At   time.Time `json:"at"`
}

// EventType is the wire name.
func (BlockReserved) EventType() string { return "IdBlockReserved" }

// State is the last id handed out.
type State struct{ Last, From int64 }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	if e, ok := e.(BlockReserved); ok {
		s.From, s.Last = e.From, e.To
	}
	return s
}

// Reserve asks for the next Size ids.
type Reserve struct {
	Kind Kind
	Size int64
	At   time.Time
}

// Decide reserves them.
func (c Reserve) Decide(s State) ([]domain.Event, error) {
	if c.Size < 1 || c.Size > Max-s.Last {
		return nil, domain.Conflictf("no %s ids are left", c.Kind)
	}
	return []domain.Event{BlockReserved{Kind: c.Kind, From: s.Last + 1, To: s.Last + c.Size, At: c.At}}, nil
}
