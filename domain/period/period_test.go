package period

import (
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
)

var nairobi = time.FixedZone("EAT", 3*3600)

func TestMonthsAreClosedWhenTheyAreOverAndOneAfterTheOther(t *testing.T) {
	var s State
	close := func(m Month, at time.Time) (int, error) {
		events, err := Close{Merchant: 1, Mode: domain.ModeLive, Month: m, Zone: nairobi, At: at}.Decide(s)
		for _, e := range events {
			s = s.Evolve(e)
		}
		return len(events), err
	}
	for _, c := range []struct {
		month  Month
		at     time.Time
		events int
		ok     bool
	}{
		{202610, time.Date(2026, 10, 31, 20, 59, 59, 0, time.UTC), 0, false}, // still October in Nairobi
		{202610, time.Date(2026, 10, 31, 21, 0, 0, 0, time.UTC), 1, true},
		{202610, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), 0, true},
		{202608, time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), 0, true}, // closed with October
		{202612, time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC), 0, false},
		{202611, time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC), 1, true},
		{202612, time.Date(2027, 1, 5, 0, 0, 0, 0, time.UTC), 1, true},
		{202701, time.Date(2027, 2, 5, 0, 0, 0, 0, time.UTC), 1, true},
	} {
		n, err := close(c.month, c.at)
		if n != c.events || (err == nil) != c.ok {
			t.Errorf("%s at %s: %d events, %v", c.month, c.at, n, err)
		}
		if err != nil && domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("%s: %v", c.month, err)
		}
	}
}

func TestWhatComesTooLateIsBookedInTheFirstOpenMonth(t *testing.T) {
	s := State{Through: 202612}
	for _, c := range []struct{ of, in, late Month }{{202701, 202701, 0}, {202612, 202701, 202612}, {202603, 202701, 202603}, {202705, 202705, 0}} {
		if in, late := s.Booked(c.of); in != c.in || late != c.late {
			t.Errorf("%s is booked in %s, late for %q", c.of, in, late)
		}
	}
	if in, late := (State{}).Booked(202610); in != 202610 || late != 0 {
		t.Errorf("with nothing closed: %s, %s", in, late)
	}
}

func TestMonthsAreReadAndWritten(t *testing.T) {
	m, err := ParseMonth("2026-10")
	if err != nil || m != 202610 || m.String() != "2026-10" || m.Next() != 202611 || Month(202612).Next() != 202701 || Month(0).String() != "" {
		t.Errorf("%v %v", m, err)
	}
	for _, wrong := range []string{"", "2026-13", "2026", "26-10", "2026-10-01", "october"} {
		if _, err := ParseMonth(wrong); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
	if got := MonthOf(time.Date(2026, 10, 31, 21, 0, 0, 0, time.UTC), nairobi); got != 202611 {
		t.Errorf("the month is %s", got)
	}
}
