package payout

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// EffectiveAt is when what an event says happened: by the clock of whoever paid where that is known, as the ledger dates its postings,
// else occurred, which is when we heard of it. before is the payout's state before the event.
func EffectiveAt(before State, e domain.Event, occurred time.Time) time.Time {
	at := time.Time{}
	switch e := e.(type) {
	case Completed:
		at = e.PaidAt
	case ChargeReported:
		at = before.PaidAt
	case Recorded:
		at = e.ValuedAt
	}
	if at.IsZero() {
		return occurred
	}
	return at
}
