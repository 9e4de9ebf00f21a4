package projections

import "time"

const secondsADay = 24 * 60 * 60

// Day is a calendar day, counted from 1 January 1970.
type Day = int64

// DayOf is the calendar day of a moment in a time zone.
func DayOf(t time.Time, zone *time.Location) Day {
	_, offset := t.In(zone).Zone()
	seconds := t.Unix() + int64(offset)
	day := seconds / secondsADay
	if seconds%secondsADay < 0 {
		day--
	}
	return day
}

// DayStart is the first moment of the day in the time zone: not always its midnight, which can be missing or come twice
// where clocks change then. time.Date says nothing about which it gives.
func DayStart(day Day, zone *time.Location) time.Time {
	y, m, d := dayTime(day).Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, zone)
	from, to := midnight.ZoneBounds()
	if DayOf(midnight, zone) < day {
		return to // there was no such midnight: the clocks were put forward over it
	}
	if last := from.Add(-time.Millisecond); !from.IsZero() && DayOf(last, zone) >= day {
		_, offset := last.Zone()
		return time.Unix(day*secondsADay-int64(offset), 0).In(zone) // the earlier of two
	}
	return midnight
}

func dayTime(day Day) time.Time { return time.Unix(day*secondsADay, 0).UTC() }

func dayText(day Day) string { return dayTime(day).Format(time.DateOnly) }
