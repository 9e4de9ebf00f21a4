// Package retention holds the rules by which data about payments must be kept: for so many years after the last payment, by tax law
// and against money laundering. They hold for the whole install, in the stream retention-rules.
package retention

import (
	"fmt"
	"slices"
	"time"

	"github.com/benfex/kipay/domain"
)

// Stream is the stream of the rules.
const Stream = "retention-rules"

// The rules, and the years that each says until the operator sets others. Kenya: books are kept for tax five years after the return
// (Tax Procedures Act 2015, section 23), which is filed in the sixth; records of transactions seven years after the last (Proceeds
// of Crime and Anti-Money Laundering Act 2009, section 46).
const (
	Tax          = "tax"
	AML          = "aml"
	defaultTax   = 6
	defaultAML   = 7
	mostYears    = 50
	rulesVersion = 1
)

// Rule is how many years something is kept after the last payment; 0 is no rule.
type Rule struct {
	Name  string `json:"name"`
	Years int    `json:"years"`
}

// RulesSet says which rules hold from then on. Each version stands whole.
type RulesSet struct {
	Version int       `json:"rules_version"`
	Rules   []Rule    `json:"rules"`
	At      time.Time `json:"at"`
}

// EventType is the wire name.
func (RulesSet) EventType() string { return "RetentionRulesSet" }

// State are the rules.
type State struct {
	Version int // 1 are those that hold until the operator sets others
	Rules   []Rule
	SetAt   time.Time
}

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	if e, ok := e.(RulesSet); ok {
		s.Version, s.Rules, s.SetAt = e.Version, e.Rules, e.At
	}
	return s
}

// Current are the rules that hold: the default ones until others are set.
func (s State) Current() State {
	if s.Version == 0 {
		s.Version, s.Rules = rulesVersion, []Rule{{Tax, defaultTax}, {AML, defaultAML}}
	}
	return s
}

// Until is when each rule lets go of data about payments of which the last moved money at last, those first that hold longest. Rules
// that have let go by now, and those of no years, are left out; so are all when no money moved.
func (s State) Until(last, now time.Time) []Kept {
	var out []Kept
	if last.IsZero() {
		return nil
	}
	for _, r := range s.Current().Rules {
		if until := last.AddDate(r.Years, 0, 0); r.Years > 0 && until.After(now) {
			out = append(out, Kept{r, until})
		}
	}
	slices.SortStableFunc(out, func(a, b Kept) int { return b.Until.Compare(a.Until) })
	return out
}

// Kept is a rule, and until when it keeps something.
type Kept struct {
	Rule
	Until time.Time
}

// Set sets the years of rules; those that are not named stay.
type Set struct {
	Years map[string]int
	At    time.Time
}

// Decide sets what differs. Errors: Invalid, naming the rule.
func (c Set) Decide(s State) ([]domain.Event, error) {
	now := s.Current()
	rules := slices.Clone(now.Rules)
	var problems domain.Problems
	for name, years := range c.Years {
		at := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
		switch {
		case at < 0:
			problems.Add(name, "is no rule of retention")
		case years < 0 || years > mostYears:
			problems.Add(name, fmt.Sprintf("must be from 0 to %d years", mostYears))
		default:
			rules[at].Years = years
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if slices.Equal(rules, now.Rules) {
		return nil, nil
	}
	return []domain.Event{RulesSet{Version: now.Version + 1, Rules: rules, At: c.At}}, nil
}
