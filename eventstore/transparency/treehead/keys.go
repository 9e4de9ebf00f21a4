package treehead

import (
	"slices"
	"strings"

	"github.com/benfex/kipay/domain"
)

// Key is a key that signs heads, or has signed them.
type Key struct {
	KeyRotated
	Retired bool
}

// Keys are all keys there ever were, by their number.
type Keys []Key

// Evolve is the state after e.
func (k Keys) Evolve(e domain.Event) Keys {
	switch e := e.(type) {
	case KeyRotated:
		return append(slices.Clip(k), Key{KeyRotated: e})
	case KeyRetired:
		k = slices.Clone(k)
		for i := range k {
			k[i].Retired = k[i].Retired || k[i].Number == e.Number
		}
	}
	return k
}

// Origin is the name of the log, which all its keys have. It is empty before the first.
func (k Keys) Origin() string {
	if len(k) == 0 {
		return ""
	}
	name, _, _ := strings.Cut(k[0].VerifierKey, "+")
	return name
}

// Signing are the keys that sign, the oldest first.
func (k Keys) Signing() []Key {
	return slices.DeleteFunc(slices.Clone(k), func(key Key) bool { return key.Retired })
}

// Rotate adds a key. With Alone the others sign no more; without it they go on until they are retired, so that who only
// knows an old one can still verify.
type Rotate struct {
	KeyRotated
	Alone bool
}

// Decide adds it. Repeating it decides nothing new. Errors: Conflict when another key has that number.
func (c Rotate) Decide(k Keys) ([]domain.Event, error) {
	switch {
	case c.Number >= 1 && c.Number <= len(k) && k[c.Number-1].VerifierKey == c.VerifierKey:
		return nil, nil
	case c.Number != len(k)+1:
		return nil, domain.Conflictf("key %d can't be added: there are %d", c.Number, len(k))
	case (c.Introduction == "") != (len(k) == 0):
		return nil, domain.Conflictf("key %d: the first key has no introduction, every other has one", c.Number)
	}
	events := []domain.Event{c.KeyRotated}
	for _, old := range k.Signing() {
		if c.Alone {
			events = append(events, KeyRetired{Number: old.Number, At: c.At})
		}
	}
	return events, nil
}

// Retire ends the work of a key.
type Retire struct{ KeyRetired }

// Decide retires it. Repeating it decides nothing new. Errors: NotFound, Conflict when no other key would sign.
func (c Retire) Decide(k Keys) ([]domain.Event, error) {
	if c.Number < 1 || c.Number > len(k) {
		return nil, domain.NotFoundf("there is no key %d", c.Number)
	}
	if k[c.Number-1].Retired {
		return nil, nil
	}
	if len(k.Signing()) == 1 {
		return nil, domain.Conflictf("key %d is the only one that signs: rotate first", c.Number)
	}
	return []domain.Event{c.KeyRetired}, nil
}
