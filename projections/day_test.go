package projections

import (
	"testing"
	"time"
)

// Where clocks change at midnight a day may begin at one o'clock, or have two midnights; some days never were. The days
// of counters and the days of lists must be the same ones.
func TestADayBeginsWithItsFirstMoment(t *testing.T) {
	for _, name := range []string{
		"Africa/Nairobi", "Africa/Cairo", "America/New_York", "America/Santiago", "America/Havana", "America/Asuncion", "Asia/Amman",
		"Asia/Beirut", "Asia/Kathmandu", "Atlantic/Azores", "Pacific/Apia", "Pacific/Auckland", "Australia/Lord_Howe", "Antarctica/Troll",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		first := DayOf(time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
		for day := first; day < first+20*366; day++ {
			start := DayStart(day, zone)
			if on := DayOf(start, zone); on < day || on > day+1 {
				t.Fatalf("%s: %s begins at %s", name, dayText(day), start)
			}
			if before := start.Add(-time.Millisecond); DayOf(before, zone) >= day {
				t.Fatalf("%s: %s begins before %s", name, dayText(day), start)
			}
		}
	}
}
