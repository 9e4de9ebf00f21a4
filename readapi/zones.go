package readapi

import "sync"

// maxZones is how many time zones, besides its own, a merchant's reports are counted in. The engine keeps some 4 MiB of each zone that
// it was ever asked for, until it ends: whoever asked for all of them left it no memory for anybody's lists.
const maxZones = 16

// zones are those that merchants' reports were counted in since the process began. Nil takes all.
type zones struct {
	mu sync.Mutex
	of map[int64]map[string]bool
}

func newZones() *zones { return &zones{of: map[int64]map[string]bool{}} }

// take notes a zone; false when it is one too many.
func (z *zones) take(merchantID int64, name string) bool {
	if z == nil {
		return true
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	known := z.of[merchantID]
	switch {
	case known[name]:
		return true
	case len(known) >= maxZones:
		return false
	case known == nil:
		known = map[string]bool{}
		z.of[merchantID] = known
	}
	known[name] = true
	return true
}
