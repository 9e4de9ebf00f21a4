package embedded

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// commit hands the group to Pebble, without waiting for the disk, and to the publisher, and begins the next one.
func (c *committer) commit() {
	if !c.dirty && len(c.requests) == 0 {
		return
	}
	g := c.newGroup()
	if len(g.requests) > 0 && c.unsyncedKeys && !c.synced {
		// Nobody is answered before the keys that were put before the call are durable.
		c.must(c.writer().LogData(nil, nil))
		c.dirty, c.synced = true, true
	}
	switch {
	case c.dirty && c.synced:
		g.batch, c.batch = c.batch, nil
		c.must(c.store.db.ApplyNoSyncWait(g.batch, pebble.Sync))
		c.unsyncedKeys = false
		c.store.stats.commits.Add(1)
	case c.dirty:
		c.must(c.store.db.Apply(c.batch, pebble.NoSync))
		c.must(c.batch.Close())
		c.batch, c.unsyncedKeys = nil, true
	}
	if c.dirty {
		c.store.keys.applied()
	}
	c.dirty, c.synced, c.bytes = false, false, 0
	c.number++
	if len(g.requests) == 0 {
		c.store.recycle(g)
		return
	}
	g.begun = time.Now()
	c.store.pacing.inFlight.Add(1)
	select {
	case c.store.groups <- g:
	case <-c.store.failure.tripped:
	}
}

// newGroup takes the requests of the group that is complete and leaves room for the next ones.
func (c *committer) newGroup() *group {
	var g *group
	select {
	case g = <-c.store.spareGroups:
	default:
		g = new(group)
	}
	g.requests, c.requests = c.requests, g.requests[:0]
	return g
}

// recycle keeps a group's memory for another one.
func (s *Store) recycle(g *group) {
	clear(g.requests)
	g.batch, g.requests = nil, g.requests[:0]
	select {
	case s.spareGroups <- g:
	default:
	}
}

// publish is the goroutine that waits for the syncs, in the order of the groups, and lets readers, subscribers and
// callers know. A failed store answers its callers through the latch, and this goroutine stays where it is.
func (s *Store) publish() {
	for g := range s.groups {
		if g.batch != nil {
			if err := errors.Join(g.batch.SyncWait(), g.batch.Close()); err != nil {
				s.failure.fail("sync the log", err)
				return
			}
		}
		if err := s.note(g); err != nil {
			s.failure.fail("write "+watermarkFile, err)
			return
		}
		if g.batch != nil {
			s.pacing.syncTime.Store(int64(time.Since(g.begun)))
		}
		s.stats.count(g.requests)
		s.ring.publish(g.requests)
		s.pacing.callers.Store(int64(s.queue.answered(len(g.requests))))
		for _, req := range g.requests {
			req.answer()
		}
		s.recycle(g)
		s.pacing.answered()
	}
}

// note raises the watermark to the group's last event.
func (s *Store) note(g *group) error {
	for i := len(g.requests) - 1; i >= 0; i-- {
		if g.requests[i].written {
			return s.watermark.raise(g.requests[i].appended.Position)
		}
	}
	return nil
}
