package audit

import (
	"testing"
	"time"
)

func TestReadingTheSameAgainWithinTheHourIsOneRead(t *testing.T) {
	t0 := time.Date(2026, 3, 2, 23, 30, 0, 0, time.UTC)
	read := func(reader, what string, after time.Duration) NoteRead {
		return NoteRead{DataRead{Merchant: 1, Reader: reader, What: what, At: t0.Add(after)}}
	}
	var s State
	for _, c := range []struct {
		read  NoteRead
		noted int
	}{
		{read("key:a", "events", 0), 1},
		{read("key:a", "events", 59*time.Minute), 0},
		{read("key:b", "events", 59*time.Minute), 1},
		{read("key:a", "history KIPAY1", time.Minute), 1},
		{read("key:a", "events", time.Hour), 1},
		{read("key:a", "events", 119*time.Minute), 0},
	} {
		events, err := c.read.Decide(s)
		if err != nil || len(events) != c.noted {
			t.Errorf("%+v: %d events, %v; want %d", c.read, len(events), err, c.noted)
		}
		for _, e := range events {
			s = s.Evolve(e)
		}
	}
	if a, b := Stream(1, t0), Stream(1, t0.Add(time.Hour)); a != "auditreads-1-20260302" || a == b {
		t.Errorf("streams %s and %s", a, b)
	}
}
