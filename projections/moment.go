package projections

import "time"

// momentOf is a time as it was before millis: UTC, the zero time for none.
func momentOf(t time.Time) time.Time {
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
