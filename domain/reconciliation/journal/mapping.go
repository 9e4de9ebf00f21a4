package journal

import (
	"strconv"

	"github.com/benfex/kipay/domain"
)

// MappingStream keeps the mapping of one of a merchant's banks; hash is a keyed hash of the bank's name.
func MappingStream(merchant int64, hash string) string {
	return "bankmapping-" + strconv.FormatInt(merchant, 10) + "-" + hash
}

// MappingState is a bank's mapping, empty before the first.
type MappingState struct{ MappingKept }

// Evolve is the state after e.
func (s MappingState) Evolve(e domain.Event) MappingState {
	if e, ok := e.(MappingKept); ok {
		s.MappingKept = e
	}
	return s
}

// KeepMapping keeps a mapping.
type KeepMapping struct{ MappingKept }

// Decide keeps it unless it is the one that is kept.
func (c KeepMapping) Decide(s MappingState) ([]domain.Event, error) {
	if c.Mapping == s.Mapping {
		return nil, nil
	}
	return []domain.Event{c.MappingKept}, nil
}
