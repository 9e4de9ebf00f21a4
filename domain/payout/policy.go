package payout

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// PolicyStream is the stream of a merchant's limits; that of merchant 0 is for all who have none of their own.
func PolicyStream(merchant int64) string { return "payoutpolicy-" + strconv.FormatInt(merchant, 10) }

// PolicySet says above which amount a second person has to agree to a payout.
type PolicySet struct {
	Merchant int64          `json:"merchant_id"` // 0 is for all who have none of their own
	Currency money.Currency `json:"currency"`
	Limit    int64          `json:"limit_minor"`
	At       time.Time      `json:"at"`
}

// EventType is the wire name.
func (PolicySet) EventType() string { return "PayoutPolicySet" }

// Limits are those of one merchant, or of the install.
type Limits struct{ byCurrency map[money.Currency]int64 }

// In is the limit in a currency, in minor units; ok is false when none was set.
func (s Limits) In(c money.Currency) (minor int64, ok bool) {
	minor, ok = s.byCurrency[c]
	return minor, ok
}

// Evolve is the state after e.
func (s Limits) Evolve(e domain.Event) Limits {
	if e, ok := e.(PolicySet); ok {
		next := map[money.Currency]int64{e.Currency: e.Limit}
		for c, minor := range s.byCurrency {
			if c != e.Currency {
				next[c] = minor
			}
		}
		s.byCurrency = next
	}
	return s
}

// SetPolicy sets a limit.
type SetPolicy struct {
	Merchant int64
	Limit    money.Money
	At       time.Time
}

// Decide sets it when it differs. Errors: Invalid on limit.
func (c SetPolicy) Decide(s Limits) ([]domain.Event, error) {
	if c.Limit.Minor < 0 {
		return nil, domain.Invalid("limit", "must not be below zero")
	}
	if minor, ok := s.In(c.Limit.Currency); ok && minor == c.Limit.Minor {
		return nil, nil
	}
	return []domain.Event{PolicySet{Merchant: c.Merchant, Currency: c.Limit.Currency, Limit: c.Limit.Minor, At: c.At}}, nil
}

// Policy is what goes for a merchant: its own limits before the install's. Where neither says anything, every payout needs a
// second person, so that one stolen key can't empty a channel.
type Policy struct{ Own, Install Limits }

// Limit is the largest amount that one person may have paid out alone, in minor units.
func (p Policy) Limit(c money.Currency) int64 {
	if minor, ok := p.Own.In(c); ok {
		return minor
	}
	minor, _ := p.Install.In(c)
	return minor
}
