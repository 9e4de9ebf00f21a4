package chdb

import (
	"testing"
	"time"
)

func TestAnEngineWithoutMemoryForASingleStatementIsGivenUp(t *testing.T) {
	total := &Error{Code: codeMemoryLimit, Message: "(total) memory limit exceeded: would use 1.00 GiB"}
	own := &Error{Code: codeMemoryLimit, Message: "Query memory limit exceeded: would use 1.00 GiB"}
	for name, c := range map[string]struct {
		err    error
		apart  time.Duration
		beside int // statements that run at the same time
		want   bool
	}{
		"alone":         {total, time.Second, 0, true},
		"beside others": {total, time.Second, 1, false},
		"its own limit": {own, time.Second, 0, false},
		"no error":      {nil, time.Second, 0, false},
		"in one moment": {total, time.Millisecond, 0, false},
		"now and then":  {total, 2 * time.Minute, 0, false},
	} {
		s, now := newStarved(), time.Unix(0, 0)
		s.now = func() time.Time { return now }
		for range c.beside {
			s.begin()
		}
		for range 10 {
			s.begin()(c.err)
			now = now.Add(c.apart)
		}
		if got := len(s.over) == 1; got != c.want {
			t.Errorf("%s: given up %t", name, got)
		}
	}
}

// The engine keeps a table of each time zone that it was asked for until it ends.
func TestTimeZonesThatTakeAllMemoryCostTheProcessAndNoMore(t *testing.T) {
	s := analystEngine(t)
	a := asAnalyst(t, s, grantOf("kipay_analytics"))
	zones := one[[]string](t, open(t, s), "SELECT groupArray(time_zone) FROM system.time_zones")
	asked := 0
	eventually(t, "another child is ready", func() bool {
		for range 10 {
			response, err := a.open(within(t), nil, "SELECT formatDateTime(now(), '%H', '"+zones[asked%len(zones)]+"') FROM payments LIMIT 1")
			if err == nil {
				_ = response.Body.Close()
			}
			asked++
		}
		return s.Restarts() == 1 && s.Ready()
	})
	if got := a.ask("SELECT count() FROM payments"); got != (reply{200, "", "20000\n"}) {
		t.Errorf("afterwards: %+v", got)
	}
}
