package channel

import (
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/fee"
)

// FeeRulesSet gives a channel the rules by which payments are charged from then on. What was charged before stands in the
// payments' own events and stays.
type FeeRulesSet struct {
	Channel  ID           `json:"channel_id"`
	Schedule fee.Schedule `json:"schedule"`
	At       time.Time    `json:"at"`
}

// EventType is the wire name.
func (FeeRulesSet) EventType() string { return "FeeRulesSet" }

// SetFees gives a channel new rules, as its next version.
type SetFees struct {
	Provider fee.Rule
	Own      fee.Rule
	At       time.Time
}

// Decide sets rules that differ from those there are. Errors: NotFound; Invalid, naming every field that is wrong.
func (c SetFees) Decide(s State) ([]domain.Event, error) {
	if !s.Exists() {
		return nil, domain.NotFoundf("payment channel not found")
	}
	var p domain.Problems
	c.Provider.Check("provider", &p)
	c.Own.Check("own", &p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	if c.Provider.Equal(s.Fees.Provider) && c.Own.Equal(s.Fees.Own) {
		return nil, nil
	}
	return []domain.Event{FeeRulesSet{
		Channel: s.ID, Schedule: fee.Schedule{Version: s.Fees.Version + 1, Provider: c.Provider, Own: c.Own}, At: c.At,
	}}, nil
}
