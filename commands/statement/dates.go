package statement

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Reasons for dates that are not taken.
var (
	errNoDate    = errors.New("is not a date as this statement writes them")
	errDateOrder = errors.New("does not say which is the day and which the month: name the date layout, or export the file again")
)

// eat is East Africa Time, in which M-Pesa writes: UTC+3 without daylight saving.
func eat() *time.Location { return time.FixedZone("EAT", 3*60*60) }

// The layouts in which the portal writes, and those of its files that are certain of themselves: the newer with the day
// first, the older with the year first. Which is which is seen by the layout, never by a value.
func portalLayouts() []string {
	return []string{"02-01-2006 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}
}

// The layouts of Paystack's API and of exports that follow it.
func paystackLayouts() []string {
	return []string{"2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"}
}

// The years that a statement can be of.
const (
	firstYear = 2000
	lastYear  = 2199
)

// dates reads the dates of one file.
type dates struct {
	layouts []string
	chosen  bool // by the user: then nothing else is explained
	zone    *time.Location
	serials bool // numbers of days, as workbooks keep dates, are taken
	epoch   serialEpoch
}

// serialEpoch is day 0 of a workbook.
type serialEpoch int

const (
	epoch1900 serialEpoch = iota // as Excel counts from March 1900 on
	epoch1904
)

// parse reads a date text; the answer is in UTC.
func (d dates) parse(s string) (time.Time, error) {
	for _, layout := range d.layouts {
		t, err := time.ParseInLocation(layout, s, d.zone)
		if err == nil {
			return inRange(t)
		}
	}
	if d.serials {
		if t, ok := d.serial(s); ok {
			return inRange(t)
		}
	}
	if !d.chosen && (strings.Contains(s, "/") || isShortDashed(s)) {
		return time.Time{}, errDateOrder
	}
	return time.Time{}, errNoDate
}

// isShortDashed tells a date with a two-digit year, of which nobody can say where the year stands.
func isShortDashed(s string) bool {
	day, _, _ := strings.Cut(s, " ")
	parts := strings.Split(day, "-")
	return len(parts) == 3 && len(parts[0]) <= 2 && len(parts[2]) <= 2 && digitsOnly(strings.Join(parts, ""))
}

func inRange(t time.Time) (time.Time, error) {
	t = t.UTC()
	if y := t.Year(); y < firstYear || y > lastYear {
		return time.Time{}, errNoDate
	}
	return t, nil
}

const secondsInDay = 24 * 60 * 60

// serial reads a workbook's number of days, with the time of day as its fraction, rounded to the second.
func (d dates) serial(s string) (time.Time, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if len(whole) != 5 || !digitsOnly(whole) || !digitsOnly(frac) {
		return time.Time{}, false
	}
	days := 0
	for i := range len(whole) {
		days = days*10 + int(whole[i]-'0')
	}
	if len(frac) > 12 {
		frac = frac[:12]
	}
	parts, unit := int64(0), int64(1)
	for i := range len(frac) {
		parts, unit = parts*10+int64(frac[i]-'0'), unit*10
	}
	seconds := (parts*secondsInDay + unit/2) / unit
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, d.zone)
	if d.epoch == epoch1904 {
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, d.zone)
	}
	return base.AddDate(0, 0, days).Add(time.Duration(seconds) * time.Second), true
}

// LayoutOf turns a layout as people write it, such as DD/MM/YYYY HH:mm:ss, into Go's. The parts are YYYY, YY, MM, MMM (Jan),
// DD, D, M, HH, hh with a, mm, ss; everything else stands for itself and may be one of - / . , : T or space.
func LayoutOf(s string) (string, error) {
	if len(s) == 0 || len(s) > 40 {
		return "", fmt.Errorf("%w: a date layout has 1 to 40 characters", ErrMapping)
	}
	parts := []struct{ said, goes string }{
		{"YYYY", "2006"}, {"YY", "06"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"DD", "02"}, {"D", "2"}, {"HH", "15"}, {"hh", "03"}, {"mm", "04"}, {"ss", "05"}, {"a", "PM"},
	}
	var b strings.Builder
	seen := map[byte]bool{}
next:
	for s != "" {
		for _, p := range parts {
			if strings.HasPrefix(s, p.said) {
				if seen[p.said[0]] {
					return "", fmt.Errorf("%w: the date layout names %s twice", ErrMapping, p.said)
				}
				seen[p.said[0]] = true
				b.WriteString(p.goes)
				s = s[len(p.said):]
				continue next
			}
		}
		if strings.IndexByte("-/.,:T ", s[0]) < 0 {
			return "", fmt.Errorf("%w: the date layout has a part that is none of YYYY YY MM M MMM DD D HH hh mm ss a", ErrMapping)
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	if !seen['Y'] || !seen['M'] || !seen['D'] || seen['h'] != seen['a'] {
		return "", fmt.Errorf("%w: a date layout needs a year, a month and a day, and hh an a", ErrMapping)
	}
	return b.String(), nil
}
