// Package period holds the rules of accounting periods: calendar months of the merchant, closed one after the other. What
// happened in a month that is closed, and becomes known later, is booked in the first month that is open.
//
// The periods of a merchant and mode are the stream period-{merchant}-{mode}.
package period

import (
	"fmt"
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
)

// Month is a calendar month, year × 100 + month: 202610. Zero is none.
type Month uint32

// MonthOf is the month of a moment in a time zone.
func MonthOf(t time.Time, zone *time.Location) Month {
	y, m, _ := t.In(zone).Date()
	return Month(y*100 + int(m))
}

// ParseMonth reads 2026-10.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return 0, fmt.Errorf("%.20q is no month such as 2026-10", s)
	}
	return MonthOf(t, time.UTC), nil
}

// String is 2026-10, empty for none.
func (m Month) String() string {
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d", m/100, m%100)
}

// Next is the month after it.
func (m Month) Next() Month {
	if m%100 == 12 {
		return (m/100+1)*100 + 1
	}
	return m + 1
}

// Start is its first moment in a time zone.
func (m Month) Start(zone *time.Location) time.Time {
	return time.Date(int(m/100), time.Month(m%100), 1, 0, 0, 0, 0, zone)
}

// Stream is the stream of a merchant's periods.
func Stream(merchant int64, mode domain.Mode) string {
	return "period-" + strconv.FormatInt(merchant, 10) + "-" + string(mode)
}

// Closed ends a month, and with it all before: nothing is booked in them any more. Its own position in the log is up to where
// the month's books go.
type Closed struct {
	Merchant int64       `json:"merchant_id"`
	Mode     domain.Mode `json:"mode"`
	Month    string      `json:"month"`
	At       time.Time   `json:"at"`
}

// EventType is the wire name.
func (Closed) EventType() string { return "PeriodClosed" }

// State is the periods of a merchant and mode.
type State struct {
	// Through is the last month that is closed; all before it are, too. Zero when none is.
	Through Month
}

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	if c, ok := e.(Closed); ok {
		if m, err := ParseMonth(c.Month); err == nil {
			s.Through = max(s.Through, m)
		}
	}
	return s
}

// Booked is the month in which something of the month is booked, and the closed month that it comes too late for, zero when
// it does not.
func (s State) Booked(m Month) (in, late Month) {
	if m > s.Through {
		return m, 0
	}
	return s.Through.Next(), m
}

// Close closes a month.
type Close struct {
	Merchant int64
	Mode     domain.Mode
	Month    Month
	Zone     *time.Location
	At       time.Time
}

// Decide closes it once. Errors: Invalid on month while it is not over, or when an earlier one than the next is skipped.
func (c Close) Decide(s State) ([]domain.Event, error) {
	switch {
	case c.Month <= s.Through:
		return nil, nil
	case c.At.Before(c.Month.Next().Start(c.Zone)):
		return nil, domain.Invalid("month", "is not over")
	case s.Through != 0 && c.Month != s.Through.Next():
		return nil, domain.Invalid("month", "must be "+s.Through.Next().String()+": months are closed one after the other")
	}
	return []domain.Event{Closed{Merchant: c.Merchant, Mode: c.Mode, Month: c.Month.String(), At: c.At}}, nil
}
