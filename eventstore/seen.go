package eventstore

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// seenMerchants bounds how many merchants' positions one node remembers.
const seenMerchants = 1 << 14

// Seen remembers, for each merchant, the newest position that it wrote or was answered from on this node, so that a list
// can wait until the read model has come that far.
type Seen struct {
	mu    sync.Mutex
	at    *lru.Cache[int64, Position]
	floor Position // the newest position of a merchant that had to be forgotten
}

// NewSeen remembers nothing yet.
func NewSeen() *Seen {
	s := &Seen{}
	at, err := lru.NewWithEvict[int64, Position](seenMerchants, func(_ int64, p Position) { s.floor = max(s.floor, p) })
	if err != nil {
		panic(err) // only for a size below one
	}
	s.at = at
	return s
}

// Note remembers the position for the merchant, if it is newer.
func (s *Seen) Note(merchant int64, p Position) {
	if merchant == 0 || p == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.at.Get(merchant)
	if !ok {
		p = max(p, s.floor) // it may be one that was forgotten, at a newer position
	}
	if !ok || p > old {
		s.at.Add(merchant, p)
	}
}

// Of is the newest position of the merchant. For a merchant that was forgotten it errs on the late side.
func (s *Seen) Of(merchant int64) Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.at.Get(merchant); ok {
		return p
	}
	return s.floor
}
