package fee

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
)

func TestARuleChargesShareAndFixedWithinItsBoundsAndTaxOnTop(t *testing.T) {
	scale := Rule{Tiers: []Tier{{UpTo: 100_00}, {UpTo: 1_000_00, Fixed: 5_00}, {Parts: 10_000}}, TaxParts: 150_000}
	for _, c := range []struct {
		name        string
		rule        Rule
		minor       int64
		charge, tax int64
	}{
		{"nothing", Rule{}, 1_000_00, 0, 0},
		{"1.5 %", Rule{Parts: 15_000}, 1_000_00, 15_00, 0},
		{"half a cent goes up", Rule{Parts: 5_000}, 1_00, 1, 0},
		{"less than half goes down", Rule{Parts: 4_999}, 1_00, 0, 0},
		{"share and fixed", Rule{Parts: 29_000, Fixed: 20_00}, 500_00, 34_50, 0},
		{"at least", Rule{Parts: 5_000, Min: 10_00}, 100_00, 10_00, 0},
		{"at most", Rule{Parts: 5_000, Max: 200_00}, 250_000_00, 200_00, 0},
		{"16 % VAT on the fee", Rule{Parts: 10_000, TaxParts: 160_000}, 1_000_00, 10_00, 1_60},
		{"never more than came", Rule{Fixed: 50_00, TaxParts: 160_000}, 30_00, 30_00, 0},
		{"the tax gives way first", Rule{Fixed: 9_50, TaxParts: 160_000}, 10_00, 9_50, 50},
		{"the first tier", scale, 100_00, 0, 0},
		{"the second tier", scale, 100_01, 5_00, 75},
		{"the end of the second tier", scale, 1_000_00, 5_00, 75},
		{"the open end", scale, 2_000_00, 20_00, 3_00},
		{"money taken back", Rule{Fixed: 1}, -5, 0, 0},
	} {
		if charge, tax := c.rule.Of(c.minor); charge != c.charge || tax != c.tax {
			t.Errorf("%s: charges %d and %d tax of %d; want %d and %d", c.name, charge, tax, c.minor, c.charge, c.tax)
		}
	}
}

func TestACheckedRuleNeverChargesLessThanNothingOrMoreThanThePayment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		flat, parts := rapid.Int64Range(0, maxFlat), rapid.Int64Range(0, PerWhole)
		r := Rule{Min: rapid.Int64Range(0, maxFlat/2).Draw(t, "min"), TaxParts: parts.Draw(t, "tax")}
		if rapid.Bool().Draw(t, "bounded") {
			r.Max = r.Min + rapid.Int64Range(0, maxFlat/2).Draw(t, "max")
		}
		if rapid.Bool().Draw(t, "tiered") {
			r.Tiers = []Tier{{UpTo: flat.Draw(t, "up to") + 1, Fixed: flat.Draw(t, "low")}, {Parts: parts.Draw(t, "high")}}
		} else {
			r.Parts, r.Fixed = parts.Draw(t, "parts"), flat.Draw(t, "fixed")
		}
		var p domain.Problems
		if r.Check("rule", &p); p.Err() != nil {
			t.Fatalf("%+v is refused: %v", r, p.Err())
		}
		minor := rapid.Int64Range(1, 1<<53).Draw(t, "minor")
		charge, tax := r.Of(minor)
		if charge < 0 || tax < 0 || charge+tax > minor {
			t.Fatalf("%+v charges %d and %d tax of %d", r, charge, tax, minor)
		}
	})
}

func TestWhatIsWrongWithARuleIsNamed(t *testing.T) {
	for _, c := range []struct {
		rule  Rule
		field string
	}{
		{Rule{Parts: -1}, "own.parts"},
		{Rule{Parts: PerWhole + 1}, "own.parts"},
		{Rule{Fixed: maxFlat + 1}, "own.fixed"},
		{Rule{Min: 2, Max: 1}, "own.min"},
		{Rule{TaxParts: -5}, "own.tax_parts"},
		{Rule{Tiers: []Tier{{UpTo: 5}}}, "own.tiers"},
		{Rule{Tiers: []Tier{{UpTo: 5}, {UpTo: 5}, {}}}, "own.tiers"},
		{Rule{Fixed: 1, Tiers: []Tier{{}}}, "own.tiers"},
		{Rule{Tiers: make([]Tier, maxTiers+1)}, "own.tiers"},
	} {
		var p domain.Problems
		if c.rule.Check("own", &p); !p.Has(c.field) {
			t.Errorf("%+v: %v; want %s named", c.rule, p.Fields(), c.field)
		}
	}
}

func TestTermsOfAnotherCurrencyChargeNothing(t *testing.T) {
	terms := Terms{Currency: money.KES, Schedule: Schedule{Version: 3, Own: Rule{Fixed: 5}}}
	if diff := cmp.Diff(Charge{Currency: money.KES, Own: 5, Version: 3}, terms.Of(money.Of(100, money.KES))); diff != "" {
		t.Error(diff)
	}
	if c := terms.Of(money.Of(100, money.USD)); !c.IsZero() {
		t.Errorf("charged %+v", c)
	}
}
