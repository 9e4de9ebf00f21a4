package treehead

import (
	"slices"

	"github.com/benfex/kipay/domain"
)

// maxCosignatures bounds the cosignatures of one head, far below what readers of notes must take.
const maxCosignatures = 64

// Head is the newest signed head, with the cosignatures that came for it.
type Head struct {
	Signed
	Cosignatures []string
}

// Exists tells that a head was signed.
func (h Head) Exists() bool { return h.Size > 0 }

// Evolve is the state after e. It may begin at any Signed.
func (h Head) Evolve(e domain.Event) Head {
	switch e := e.(type) {
	case Signed:
		h = Head{Signed: e}
	case Cosigned:
		if e.Size == h.Size {
			h.Cosignatures = append(slices.Clip(h.Cosignatures), e.Cosignatures...)
		}
	}
	return h
}

// Sign is a head that has been signed.
type Sign struct{ Signed }

// Decide keeps it when the tree has grown. Two nodes have the same tree, so a head that is not larger says nothing new.
func (c Sign) Decide(h Head) ([]domain.Event, error) {
	if c.Size <= h.Size {
		return nil, nil
	}
	return []domain.Event{c.Signed}, nil
}

// Cosign is what witnesses answered.
type Cosign struct{ Cosigned }

// Decide keeps the cosignatures that are new, while their head is the newest.
func (c Cosign) Decide(h Head) ([]domain.Event, error) {
	if c.Size != h.Size {
		return nil, nil
	}
	var fresh []string
	for _, line := range c.Cosignatures {
		if !slices.Contains(h.Cosignatures, line) && !slices.Contains(fresh, line) && len(h.Cosignatures)+len(fresh) < maxCosignatures {
			fresh = append(fresh, line)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	c.Cosignatures = fresh
	return []domain.Event{c.Cosigned}, nil
}
