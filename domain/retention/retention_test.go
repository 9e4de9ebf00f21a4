package retention

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain"
)

var t0 = time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC)

func TestRulesKeepDataForYearsAfterTheLastPayment(t *testing.T) {
	day := t0.Add(time.Hour)
	for name, c := range map[string]struct {
		s    State
		last time.Time
		now  time.Time
		want []Kept
	}{
		"by default":         {State{}, t0, day, []Kept{{Rule{AML, 7}, t0.AddDate(7, 0, 0)}, {Rule{Tax, 6}, t0.AddDate(6, 0, 0)}}},
		"no money moved":     {State{}, time.Time{}, day, nil},
		"one has let go":     {State{}, t0, t0.AddDate(6, 0, 0), []Kept{{Rule{AML, 7}, t0.AddDate(7, 0, 0)}}},
		"all have":           {State{}, t0, t0.AddDate(7, 0, 0), nil},
		"no rule":            {State{Version: 2, Rules: []Rule{{Tax, 0}, {AML, 0}}}, t0, day, nil},
		"only one rule":      {State{Version: 2, Rules: []Rule{{Tax, 1}, {AML, 0}}}, t0, day, []Kept{{Rule{Tax, 1}, t0.AddDate(1, 0, 0)}}},
		"a day before it is": {State{}, t0, t0.AddDate(7, 0, -1), []Kept{{Rule{AML, 7}, t0.AddDate(7, 0, 0)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.s.Until(c.last, c.now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRulesAreSetByVersion(t *testing.T) {
	var s State
	set := func(years map[string]int) []domain.Event {
		t.Helper()
		events, err := Set{Years: years, At: t0}.Decide(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			s = s.Evolve(e)
		}
		return events
	}
	if events := set(map[string]int{Tax: 6}); events != nil {
		t.Errorf("what is so already was set: %v", events)
	}
	if diff := cmp.Diff([]domain.Event{RulesSet{Version: 2, Rules: []Rule{{Tax, 10}, {AML, 7}}, At: t0}}, set(map[string]int{Tax: 10})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]domain.Event{RulesSet{Version: 3, Rules: []Rule{{Tax, 10}, {AML, 0}}, At: t0}}, set(map[string]int{AML: 0})); diff != "" {
		t.Error(diff)
	}
	for name, years := range map[string]map[string]int{"names": {"vat": 3}, "signs": {Tax: -1}, "length": {AML: 51}} {
		if _, err := (Set{Years: years}).Decide(s); domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
