package dispute

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// EffectiveAt is when what an event says happened: by the provider's clock where that is known, else occurred, which is when
// we heard of it.
func EffectiveAt(e domain.Event, occurred time.Time) time.Time {
	at := time.Time{}
	switch e := e.(type) {
	case Opened:
		at = e.OpenedAt
	case Moved:
		at = e.AsOf
	case Resolved:
		at = e.ResolvedAt
	}
	if at.IsZero() {
		return occurred
	}
	return at
}
