package embedded

import (
	"errors"
	"sync/atomic"

	"github.com/benfex/kipay/eventstore"
)

// Stats is what a store has done since it was opened, for metrics.
type Stats struct {
	// Appends are those that wrote, Events and Bytes (data, metadata and types) what they wrote.
	Appends, Events, Bytes uint64
	// Repeats are appends whose events were there already, Conflicts those at a wrong revision.
	Repeats, Conflicts uint64
	// Commits are the batches written, Syncs the log's syncs: Appends / Syncs is how well groups form.
	Commits, Syncs uint64
	// Head is the newest durable position, Subscriptions how many are open.
	Head          eventstore.Position
	Subscriptions int64
	// RingEvents and RingBytes are what is in memory for live subscribers.
	RingEvents, RingBytes int
	// DiskBytes is what the folder's files hold.
	DiskBytes uint64
	// Failure is why appends are refused until the store is opened again, nil while they are not.
	Failure error
	// Corruption is the newest damage found in the folder while it was read or compacted, nil if there was none.
	Corruption error
}

type counters struct {
	appends, events, bytes, repeats, conflicts, commits atomic.Uint64
	subscriptions                                       atomic.Int64
	corruption                                          atomic.Pointer[error]
}

// count adds the answered requests.
func (c *counters) count(requests []*request) {
	var appends, events, bytes, repeats, conflicts uint64
	for _, req := range requests {
		switch {
		case req.written:
			appends++
			events += uint64(len(req.records))
			for i := range req.records {
				rec := &req.records[i]
				bytes += uint64(len(rec.Type) + len(rec.Data) + len(rec.Metadata))
			}
		case req.appended.Repeated:
			repeats++
		case errors.Is(req.err, eventstore.ErrWrongRevision):
			conflicts++
		}
	}
	c.appends.Add(appends)
	c.events.Add(events)
	c.bytes.Add(bytes)
	c.repeats.Add(repeats)
	c.conflicts.Add(conflicts)
}

// Stats is the present state. It may be called at any time, also after Close.
func (s *Store) Stats() Stats {
	out := Stats{
		Appends: s.stats.appends.Load(), Events: s.stats.events.Load(), Bytes: s.stats.bytes.Load(),
		Repeats: s.stats.repeats.Load(), Conflicts: s.stats.conflicts.Load(),
		Commits: s.stats.commits.Load(), Syncs: s.guard.syncs.Load(),
		Head: s.ring.Head(), Subscriptions: s.stats.subscriptions.Load(), Failure: s.failure.Err(),
	}
	if err := s.stats.corruption.Load(); err != nil {
		out.Corruption = *err
	}
	s.ring.mu.Lock()
	out.RingEvents, out.RingBytes = int(s.ring.next-s.ring.first), s.ring.bytes
	s.ring.mu.Unlock()
	out.DiskBytes = s.diskBytes()
	return out
}

// diskBytes adds up the files. Pebble's own count waits for its manifest, which a failed disk holds for ever.
func (s *Store) diskBytes() (total uint64) {
	names, err := s.guard.List(s.dir)
	if err != nil {
		return 0
	}
	for _, name := range names {
		// A file may go while they are counted.
		if info, err := s.guard.Stat(s.guard.PathJoin(s.dir, name)); err == nil && info.Mode().IsRegular() {
			total += uint64(info.Size())
		}
	}
	return total
}
