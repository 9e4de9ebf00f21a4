// Package audit holds the record of who looked at audit data: events, opened, with what providers said of people. The reads of
// one merchant's data on one day are the stream auditreads-{merchant}-{yyyymmdd}, in UTC.
package audit

import (
	"strconv"
	"time"

	"github.com/benfex/kipay/domain"
)

// Stream is the stream of the reads of a merchant's data on the day of at; merchant 0 is the whole install.
func Stream(merchant int64, at time.Time) string {
	return "auditreads-" + strconv.FormatInt(merchant, 10) + "-" + at.UTC().Format("20060102")
}

// DataRead says that somebody looked at audit data. Who it was stands in the metadata: the actor, and from where.
type DataRead struct {
	Merchant int64 `json:"merchant_id,omitempty"`
	// Reader is the actor once more, so that the event says by itself what it is about.
	Reader string `json:"reader"`
	// What was looked at: "history KIPAY…", "events", "events stream=…".
	What string    `json:"what"`
	At   time.Time `json:"at"`
}

// EventType is the wire name.
func (DataRead) EventType() string { return "AuditDataRead" }

// SubjectName is whose key seals from where it was read: one of the day's own, so that it can be kept at all.
func (e DataRead) SubjectName() string { return Stream(e.Merchant, e.At) }

// State is the reads of a day, by reader and what was read: when it was last noted.
type State struct{ noted map[[2]string]time.Time }

// Evolve is the state after e.
func (s State) Evolve(e domain.Event) State {
	if r, ok := e.(DataRead); ok {
		if s.noted == nil {
			s.noted = map[[2]string]time.Time{}
		}
		s.noted[[2]string{r.Reader, r.What}] = r.At
	}
	return s
}

// Again is how long reading the same once more is the same read: who leafs through pages, or reloads one, is noted once.
const Again = time.Hour

// NoteRead notes a read.
type NoteRead struct{ DataRead }

// Decide notes it, unless the reader was noted with the same within Again.
func (c NoteRead) Decide(s State) ([]domain.Event, error) {
	if last, ok := s.noted[[2]string{c.Reader, c.What}]; ok && c.At.Sub(last) < Again {
		return nil, nil
	}
	return []domain.Event{c.DataRead}, nil
}
