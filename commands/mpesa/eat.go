package mpesa

import (
	"errors"
	"time"
)

// eat is East Africa Time: UTC+3 without daylight saving, so that no time zone data is needed. All of Daraja's times
// without a zone are in it.
func eat() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// stampLayout is YYYYMMDDHHmmss.
const stampLayout = "20060102150405"

// ErrDate is a date text in none of the layouts that Safaricom uses.
var ErrDate = errors.New("not a date that M-Pesa writes")

// ParseEAT reads a date text of Safaricom's: 20191219102115 (callbacks, C2B), 19-12-2019 10:21:15 (portal statements),
// 19.12.2019 10:21:15 (B2C results), 2019-12-19 10:21:15 (older statements). Day and month are told apart by layout,
// never by value. The time is in UTC.
func ParseEAT(s string) (time.Time, error) {
	for _, layout := range [...]string{stampLayout, "02-01-2006 15:04:05", "02.01.2006 15:04:05", "2006-01-02 15:04:05"} {
		if len(s) != len(layout) { // time.Parse would also take a fraction of a second
			continue
		}
		t, err := time.ParseInLocation(layout, s, eat())
		if err != nil {
			continue
		}
		if y := t.Year(); y < 2000 || y > 2199 {
			return time.Time{}, ErrDate
		}
		return t.UTC(), nil
	}
	return time.Time{}, ErrDate
}

// stamp is t as Daraja's Timestamp.
func stamp(t time.Time) string { return t.In(eat()).Format(stampLayout) }
