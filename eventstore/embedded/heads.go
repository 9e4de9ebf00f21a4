package embedded

import (
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// head is the newest event of a stream, durable or on its way there. Revision is NoStream when there is none.
type head struct {
	revision eventstore.Revision
	position eventstore.Position
	id       uuid.UUID
	// group is the number of the group that wrote it last, zero when it was read from disk.
	group uint64
}

// headCache is a bounded LRU of stream heads. Only the committer uses it.
type headCache struct {
	limit   int
	entries map[string]*headEntry
	// newest and oldest are the ends of the list in order of use.
	newest, oldest *headEntry
}

type headEntry struct {
	stream       string
	head         head
	newer, older *headEntry
}

func newHeadCache(limit int) *headCache {
	return &headCache{limit: limit, entries: make(map[string]*headEntry)}
}

// get is the stream's entry, now the most recently used one, or nil.
func (c *headCache) get(stream string) *headEntry {
	e := c.entries[stream]
	if e != nil && e != c.newest {
		c.unlink(e)
		c.link(e)
	}
	return e
}

// add puts a stream in that get didn't find, for the one that was not used longest.
func (c *headCache) add(stream string, h head) *headEntry {
	var e *headEntry
	if len(c.entries) >= c.limit {
		e = c.oldest
		c.unlink(e)
		delete(c.entries, e.stream)
	} else {
		e = new(headEntry)
	}
	e.stream, e.head = stream, h
	c.entries[stream] = e
	c.link(e)
	return e
}

func (c *headCache) link(e *headEntry) {
	e.newer, e.older = nil, c.newest
	if c.newest != nil {
		c.newest.newer = e
	}
	c.newest = e
	if c.oldest == nil {
		c.oldest = e
	}
}

func (c *headCache) unlink(e *headEntry) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		c.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		c.oldest = e.newer
	}
	e.newer, e.older = nil, nil
}
