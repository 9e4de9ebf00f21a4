package main

import (
	"fmt"
	"strings"

	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/money"
)

// feeLines say a channel's rules to people.
func feeLines(f channelFees) []string {
	whose := "the merchant's own account"
	if f.Funds == string(fee.OfPool) {
		whose = "the operator's account"
	}
	lines := []string{fmt.Sprintf("Payments through channel %d, %s:", f.ChannelID, whose)}
	for _, side := range []struct {
		who, none string
		rule      fee.Rule
	}{
		{"The provider takes", "nothing that is known beforehand", f.Provider}, // what it says it took is booked all the same
		{"The operator charges", "nothing", f.Own},
	} {
		words := []string{side.none}
		if !side.rule.IsZero() {
			words = ruleLines(side.rule, money.Currency(f.Currency))
		}
		lines = append(lines, fmt.Sprintf("  %-22s%s", side.who, words[0]))
		for _, more := range words[1:] {
			lines = append(lines, strings.Repeat(" ", 24)+more)
		}
	}
	return lines
}

// ruleLines say one rule: what it charges, step by step, then its bounds and the tax on it.
func ruleLines(r fee.Rule, c money.Currency) []string {
	sum := func(minor int64) string { return money.Of(minor, c).Format() }
	var lines []string
	if len(r.Tiers) == 0 {
		lines = append(lines, charged(r.Parts, r.Fixed, c))
	}
	for _, t := range r.Tiers {
		step := charged(t.Parts, t.Fixed, c)
		if t.UpTo > 0 {
			step += " of payments up to " + sum(t.UpTo)
		} else {
			step += " of larger ones"
		}
		lines = append(lines, step)
	}
	if r.Min > 0 {
		lines = append(lines, "at least "+sum(r.Min))
	}
	if r.Max > 0 {
		lines = append(lines, "at most "+sum(r.Max))
	}
	if r.TaxParts > 0 {
		lines = append(lines, "and "+percentOf(r.TaxParts)+" tax on that")
	}
	return lines
}

// charged says a share and a fixed sum.
func charged(parts, fixed int64, c money.Currency) string {
	switch {
	case parts == 0 && fixed == 0:
		return "nothing"
	case parts == 0:
		return money.Of(fixed, c).Format()
	case fixed == 0:
		return percentOf(parts)
	}
	return percentOf(parts) + " and " + money.Of(fixed, c).Format()
}

// percentOf is a share in parts of a million as people read it.
func percentOf(parts int64) string {
	text := fmt.Sprintf("%d.%04d", parts/10_000, parts%10_000)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + " %"
}
