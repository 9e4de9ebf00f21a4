// Package fee holds what it costs to take a payment: the rules of a channel, in versions, and the charge that they decide.
// The charge stands in the payment's own event, so that reading it never needs yesterday's rules.
//
// What must not live here: which entries a charge makes (ledger), where rules come from (channel).
package fee

import (
	"fmt"
	"slices"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

// Funds says whose money a channel handles.
type Funds string

// Whose money it is.
const (
	// OfMerchant is the default: the shortcode or account is the merchant's own, and what stands on it is the merchant's asset.
	OfMerchant Funds = "merchant"
	// OfPool is the operator's own account, in which the money of several merchants stands: it is owed to them.
	OfPool Funds = "pool"
)

// ParseFunds reads a name; empty is the default.
func ParseFunds(s string) (Funds, bool) {
	switch f := Funds(s); f {
	case "":
		return OfMerchant, true
	case OfMerchant, OfPool:
		return f, true
	}
	return "", false
}

// PerWhole is how many parts a whole has: percentages are held in parts of a million, so that 1.5 % is 15,000.
const PerWhole = 1_000_000

// Tier is one step of a scale: what a payment of at most UpTo costs.
type Tier struct {
	// UpTo is the largest payment that the tier is for, in minor units; 0 in the last tier is for all that is larger.
	UpTo  int64 `json:"up_to,omitempty"`
	Fixed int64 `json:"fixed,omitempty"`
	// Parts is a share of the payment, in parts of a million.
	Parts int64 `json:"parts,omitempty"`
}

// Rule is how one charge is reckoned. The zero rule charges nothing.
type Rule struct {
	// Parts is a share of the payment, in parts of a million; Fixed is added to it, in minor units.
	Parts int64 `json:"parts,omitempty"`
	Fixed int64 `json:"fixed,omitempty"`
	// Tiers, from the smallest, take the place of Parts and Fixed.
	Tiers []Tier `json:"tiers,omitempty"`
	// Min and Max bound the charge before tax, in minor units; 0 is no bound.
	Min int64 `json:"min,omitempty"`
	Max int64 `json:"max,omitempty"`
	// TaxParts is the tax on top of the charge (excise, VAT), in parts of a million of it.
	TaxParts int64 `json:"tax_parts,omitempty"`
}

// IsZero tells whether the rule never charges anything.
func (r Rule) IsZero() bool {
	return r.Parts == 0 && r.Fixed == 0 && len(r.Tiers) == 0 && r.Min == 0
}

// Equal tells whether the rules say the same.
func (r Rule) Equal(o Rule) bool {
	return r.Parts == o.Parts && r.Fixed == o.Fixed && r.Min == o.Min && r.Max == o.Max && r.TaxParts == o.TaxParts &&
		slices.Equal(r.Tiers, o.Tiers)
}

// Limits on rules: what is beyond them is a slip of the pen.
const (
	maxTiers = 64
	// maxFlat bounds amounts in a rule, in minor units: ten million of a currency.
	maxFlat = 1_000_000_000
)

// Check says what is wrong with the rule; fields are named as they stand in JSON, below the name given.
func (r Rule) Check(name string, p *domain.Problems) {
	parts := func(field string, v int64) {
		if v < 0 || v > PerWhole {
			p.Addf(name+"."+field, "must be from 0 to %d parts of a million", PerWhole)
		}
	}
	flat := func(field string, v int64) {
		if v < 0 || v > maxFlat {
			p.Addf(name+"."+field, "must be from 0 to %d minor units", maxFlat)
		}
	}
	parts("parts", r.Parts)
	parts("tax_parts", r.TaxParts)
	flat("fixed", r.Fixed)
	flat("min", r.Min)
	flat("max", r.Max)
	if r.Max != 0 && r.Min > r.Max {
		p.Add(name+".min", "must not be more than max")
	}
	if len(r.Tiers) > maxTiers {
		p.Addf(name+".tiers", "must be at most %d", maxTiers)
		return
	}
	if len(r.Tiers) > 0 && (r.Parts != 0 || r.Fixed != 0) {
		p.Add(name+".tiers", "take the place of parts and fixed: give one or the other")
	}
	for i, t := range r.Tiers {
		parts("tiers", t.Parts)
		flat("tiers", t.Fixed)
		switch last := i == len(r.Tiers)-1; {
		case last && t.UpTo != 0:
			p.Add(name+".tiers", "must end with one that has no up_to")
		case !last && (t.UpTo <= 0 || i > 0 && t.UpTo <= r.Tiers[i-1].UpTo):
			p.Add(name+".tiers", "must rise: each up_to more than the one before")
		}
	}
}

// Of is what the rule charges for a payment of minor units, and the tax on that, both rounded to the nearest minor unit,
// halves up. Never more than the payment itself, tax included.
func (r Rule) Of(minor int64) (charge, tax int64) {
	if minor <= 0 || r.IsZero() {
		return 0, 0
	}
	parts, fixed := r.Parts, r.Fixed
	for _, t := range r.Tiers {
		if parts, fixed = t.Parts, t.Fixed; t.UpTo == 0 || minor <= t.UpTo {
			break
		}
	}
	charge = share(minor, parts) + fixed
	charge = max(charge, r.Min)
	if r.Max > 0 {
		charge = min(charge, r.Max)
	}
	charge = min(charge, minor)
	tax = min(share(charge, r.TaxParts), minor-charge)
	return charge, tax
}

// share is so many parts of a million of v, to the nearest unit, halves up. The whole and the rest are reckoned apart, so
// that no amount that money holds overflows.
func share(v, parts int64) int64 {
	return v/PerWhole*parts + (v%PerWhole*parts+PerWhole/2)/PerWhole
}

// Schedule is the rules of a channel.
type Schedule struct {
	// Version counts the changes, from 1; 0 is a channel without rules.
	Version int `json:"version,omitempty"`
	// Provider is what the provider charges, as far as it is known beforehand: what it reports takes its place.
	Provider Rule `json:"provider,omitzero"`
	// Own is what the operator charges.
	Own Rule `json:"own,omitzero"`
}

// Terms are what a channel's payments go by: whose money it is, in which currency the rules are, and the rules.
type Terms struct {
	Channel  int64
	Funds    Funds
	Currency money.Currency
	Schedule Schedule
}

// Charge is what a movement of money costs, in minor units. Negative parts take back what was charged.
type Charge struct {
	// Currency is that of the rules; empty where nothing is charged.
	Currency    money.Currency `json:"currency,omitempty"`
	Provider    int64          `json:"provider,omitempty"`
	ProviderTax int64          `json:"provider_tax,omitempty"`
	Own         int64          `json:"own,omitempty"`
	OwnTax      int64          `json:"own_tax,omitempty"`
	// Version is that of the rules that decided it.
	Version int `json:"version,omitempty"`
}

// Of is the charge of a movement. Rules of another currency say nothing about it.
func (t Terms) Of(m money.Money) Charge {
	if m.Currency != t.Currency {
		return Charge{}
	}
	c := Charge{Version: t.Schedule.Version}
	c.Provider, c.ProviderTax = t.Schedule.Provider.Of(m.Minor)
	c.Own, c.OwnTax = t.Schedule.Own.Of(m.Minor)
	if !c.IsZero() {
		c.Currency = m.Currency
	}
	return c
}

// Add is the sum, under c's version. It panics on charges in different currencies, which one channel never makes.
func (c Charge) Add(o Charge) Charge {
	switch {
	case o.IsZero():
		return c
	case c.IsZero():
		c.Currency = o.Currency
	case c.Currency != o.Currency:
		panic(fmt.Sprintf("fee: adding a charge in %s to one in %s", o.Currency, c.Currency))
	}
	c.Provider += o.Provider
	c.ProviderTax += o.ProviderTax
	c.Own += o.Own
	c.OwnTax += o.OwnTax
	if c.IsZero() {
		c.Currency = ""
	}
	return c
}

// Negative takes the charge back.
func (c Charge) Negative() Charge {
	return Charge{Currency: c.Currency, Provider: -c.Provider, ProviderTax: -c.ProviderTax, Own: -c.Own, OwnTax: -c.OwnTax, Version: c.Version}
}

// IsZero tells whether nothing is charged.
func (c Charge) IsZero() bool {
	return c.Provider == 0 && c.ProviderTax == 0 && c.Own == 0 && c.OwnTax == 0
}
