package transaction

import (
	"time"

	"github.com/benfex/kipay/domain"
)

// EffectiveAt is when what an event says happened: by the provider's clock where that is known, as the ledger dates its
// postings, else occurred, which is when we heard of it. before is the payment's state before the event.
func EffectiveAt(before State, e domain.Event, occurred time.Time) time.Time {
	at := time.Time{}
	switch e := e.(type) {
	case PaymentReceived:
		at = e.PaidAt
	case Completed:
		at = e.PaidAt
	case Merged:
		at = before.PaidAt()
	case RefundCompleted:
		at = e.RefundedAt
	case PaymentReversed:
		at = e.ReversedAt
	}
	if at.IsZero() {
		return occurred
	}
	return at
}
