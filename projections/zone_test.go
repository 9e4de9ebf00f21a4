package projections

import (
	"testing"
	"time"
)

func nairobi(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Africa/Nairobi")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
