package esdb

import (
	"context"
	"sync"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// heads is what is known of the log's end.
type heads struct {
	mu sync.Mutex
	// seen is the newest position of an event of ours that this process has seen: appended, read or delivered.
	seen eventstore.Position
	// scanned is how far the end has been looked at: no event of ours that is newer than seen is at or before it.
	scanned eventstore.Position
	// known tells that the end was looked at at all.
	known bool
}

// note tells of an event of ours.
func (h *heads) note(p eventstore.Position) {
	h.mu.Lock()
	h.seen = max(h.seen, p)
	h.mu.Unlock()
}

func (h *heads) get() (seen, scanned eventstore.Position, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen, h.scanned, h.known
}

// looked tells that the end was looked at: the newest event of ours, zero if none was met, and the newest of all.
func (h *heads) looked(ours, newest eventstore.Position) eventstore.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen, h.scanned, h.known = max(h.seen, ours), max(h.scanned, newest), true
	return h.seen
}

// Head is the position of the newest event of ours. It reads backward from the end until it meets one, or what was
// looked at before: EventStoreDB's statistics, or keys, may have been written since.
func (s *Store) Head(ctx context.Context) (eventstore.Position, error) {
	_, scanned, _ := s.heads.get()
	at, newest := client.AllPosition(client.End{}), eventstore.Position(0)
	const few, more = 1, 16
	for ask := few; ; ask = min(ask*more, pageEvents) {
		read, err := s.readAllPage(ctx, at, client.Backwards, ask)
		if err != nil {
			return 0, err
		}
		for _, e := range read.events {
			p := eventstore.Position(e.Position.Commit)
			newest = max(newest, p)
			switch {
			case p <= scanned:
				return s.heads.looked(0, newest), nil
			case visible(e):
				return s.heads.looked(p, newest), nil
			}
		}
		if len(read.events) < ask && !read.cut {
			return s.heads.looked(0, newest), nil
		}
		at = placeAt(eventstore.Position(read.events[len(read.events)-1].Position.Commit))
	}
}

// logEnd is the position of the newest event of all, whosever it is; zero in an empty log.
func (s *Store) logEnd(ctx context.Context) (eventstore.Position, error) {
	read, err := s.readAllPage(ctx, client.End{}, client.Backwards, 1)
	if err != nil || len(read.events) == 0 {
		return 0, err
	}
	return eventstore.Position(read.events[0].Position.Commit), nil
}
