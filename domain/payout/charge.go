package payout

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// ReportCharge says what the provider took for a payout, whoever made it, as a statement shows it.
type ReportCharge struct {
	Door Door
	// Raw are the provider's words, with their digest.
	Raw, Digest string
	Charge      money.Money
	At          time.Time
}

// Decide books it once, when the payout is known to be paid and the provider has not said before what it took. Errors: NotFound.
func (c ReportCharge) Decide(s State) ([]domain.Event, error) {
	switch {
	case !s.Exists():
		return nil, domain.NotFoundf("payout not found")
	case s.Status != Paid || s.Charge != nil || c.Charge.Currency != s.Amount.Currency || !c.Charge.IsPositive():
		return nil, nil
	}
	reported := ChargeReported{Reference: s.Reference, Door: c.Door, Charge: c.Charge, Digest: c.Digest, At: c.At}
	if s.Has(c.Digest) || len(s.digests) >= maxNotices {
		return []domain.Event{reported}, nil
	}
	return []domain.Event{
		NoticeReceived{Reference: s.Reference, Door: c.Door, Digest: c.Digest, Raw: domain.Personal(c.Raw), At: c.At}, reported,
	}, nil
}
