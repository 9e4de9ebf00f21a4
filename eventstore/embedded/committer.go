package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// group is what one sync acknowledges together.
type group struct {
	// batch is nil when the group wrote nothing: then it waits for those before it.
	batch    *pebble.Batch
	requests []*request
	// begun is when it was handed to the disk.
	begun time.Time
}

// committer is the one goroutine that writes. It alone knows the streams' heads before they are durable, so an
// expectation is checked against everything that was accepted, and positions are given without gaps.
type committer struct {
	store *Store
	heads *headCache
	next  eventstore.Position
	// clock is the time of the newest record: RecordedAt never goes back while the store is open.
	clock time.Time

	batch    *pebble.Batch
	requests []*request
	bytes    int
	// number counts the groups, from 1. dirty tells that batch holds something; synced, that it has to be synced.
	number        uint64
	dirty, synced bool
	// unsyncedKeys tells that keys were written that no sync has been asked for yet.
	unsyncedKeys bool
	// scratch holds a key that is looked up.
	scratch []byte
}

func newCommitter(s *Store, head eventstore.Position) *committer {
	return &committer{
		store: s, heads: newHeadCache(s.options.StreamHeads), next: head + 1, number: 1,
		scratch: make([]byte, 0, maxStreamKeyBytes),
	}
}

// run carries out requests until the queue is closed and empty, or the store has failed.
func (c *committer) run() {
	defer close(c.store.groups)
	// Pebble answers a log that failed under its hands with a panic; guardFS keeps it from seeing one.
	defer func() {
		if cause := recover(); cause != nil {
			c.store.failure.fail("commit", fmt.Errorf("%v", cause))
		}
	}()
	var spare []*request
	for {
		taken, open := c.store.queue.take(spare[:0])
		if c.store.failure.Err() != nil {
			return // the latch answers everybody who waits
		}
		c.writeKeys()
		for i, req := range taken {
			c.handle(req)
			taken[i] = nil
			if len(c.requests) >= maxGroupAppends || c.bytes >= maxGroupBytes {
				c.commit()
			}
		}
		spare = taken
		if !open {
			c.commit()
			return
		}
		c.pace()
	}
}

// pace hands the group over if it is time to, and waits until there is something to do.
func (c *committer) pace() {
	pace := c.store.pacing
	if len(c.requests) == 0 {
		c.commit() // keys that nobody waits for
		c.wait(1)
		return
	}
	if pace.inFlight.Load() > 0 {
		c.wait(wakeWhileSyncing)
		return
	}
	if enough, moment := pace.moment(len(c.requests)); moment > 0 {
		pace.learn(c.linger(enough-len(c.requests), moment))
		return
	}
	c.commit()
	pace.waited = false
}

// wait waits until so many requests are queued, or what is in flight is answered, or the store fails.
func (c *committer) wait(requests int) {
	if c.store.queue.wakeFor(requests) {
		return
	}
	select {
	case <-c.store.queue.wake:
	case <-c.store.pacing.idle:
	case <-c.store.failure.tripped:
	}
}

// linger waits until so many requests are queued or the moment is over. It answers whether they came.
func (c *committer) linger(requests int, moment time.Duration) bool {
	timer := c.store.pacing.timer
	timer.Reset(moment)
	defer timer.Stop()
	for !c.store.queue.wakeFor(requests) {
		select {
		case <-c.store.queue.wake:
		case <-timer.C:
			return false
		case <-c.store.failure.tripped:
			return false
		}
	}
	return true
}

func (c *committer) handle(req *request) {
	switch req.kind {
	case appendEvents:
		req.err = c.append(req)
	case replaceKey:
		req.err = c.replaceKey(req)
	case deleteKey, destroyKey:
		req.err = c.deleteKey(req)
	case settleKeys:
	}
	c.requests = append(c.requests, req)
}

// append checks the expectation and puts the events into the group's batch.
func (c *committer) append(req *request) error {
	entry, err := c.head(req.stream)
	if err != nil {
		return err
	}
	if repeated, err := c.check(req, entry.head); repeated || err != nil {
		return err
	}
	req.appended = eventstore.Appended{Revision: entry.head.revision, Position: entry.head.position}
	if len(req.records) == 0 {
		return nil
	}
	if entry.head.revision == eventstore.NoStream {
		c.store.streams.addName(req.stream)
	}
	at := c.now()
	for i := range req.records {
		rec := &req.records[i]
		entry.head.revision++
		rec.Position, rec.Revision, rec.RecordedAt = c.next, entry.head.revision, at
		sealRecord(req.encoded[i], rec.Position, rec.Revision, at)
		c.put(rec, req.encoded[i])
		c.next++
	}
	last := &req.records[len(req.records)-1]
	entry.head.position, entry.head.id, entry.head.group = last.Position, last.ID, c.number
	req.appended = eventstore.Appended{Revision: last.Revision, Position: last.Position}
	req.written = true
	c.dirty, c.synced = true, true
	c.bytes += req.size
	return nil
}

// put adds one record and its index entry to the batch.
func (c *committer) put(rec *eventstore.Record, encoded []byte) {
	batch := c.writer()
	op := batch.SetDeferred(logKeyBytes, len(encoded))
	putLogKey(op.Key, rec.Position)
	copy(op.Value, encoded)
	c.must(op.Finish())

	op = batch.SetDeferred(len(rec.Stream)+streamKeyOverhead, 8)
	appendStreamKey(op.Key[:0], rec.Stream, rec.Revision)
	binary.BigEndian.PutUint64(op.Value, uint64(rec.Position))
	c.must(op.Finish())
}

// must stops on an error of Pebble that only a mistake of ours explains.
func (c *committer) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (c *committer) writer() *pebble.Batch {
	if c.batch == nil {
		c.batch = c.store.db.NewBatch()
	}
	return c.batch
}

func (c *committer) now() time.Time {
	if now := c.store.options.Now().UTC().Round(0); now.After(c.clock) {
		c.clock = now
	}
	return c.clock
}

// check compares the expectation with the stream's head. It answers true when the events are there already, with the
// request's answer filled in.
func (c *committer) check(req *request, h head) (repeated bool, err error) {
	n := eventstore.Revision(len(req.records))
	first := req.expected + 1
	switch {
	case req.expected == h.revision:
		return false, nil
	case req.expected == eventstore.AnyRevision:
		first = h.revision - n + 1
		if n == 0 || first < 0 {
			return false, nil
		}
		repeated, err = c.sameEvents(req, h, first)
		if err != nil || !repeated {
			return false, err
		}
	case n > 0 && req.expected < h.revision && first+n-1 <= h.revision: // the first keeps the sum within its type
		repeated, err = c.sameEvents(req, h, first)
		if err != nil {
			return false, err
		}
	}
	if !repeated {
		return false, &eventstore.WrongRevisionError{Stream: req.stream, Expected: req.expected, Actual: h.revision}
	}
	req.appended.Repeated = true
	return true, nil
}

// sameEvents tells whether the stream holds the request's events, by their ids, from revision first on. If so it fills
// in where the last of them stands.
func (c *committer) sameEvents(req *request, h head, first eventstore.Revision) (bool, error) {
	last := first + eventstore.Revision(len(req.records)) - 1
	if last == h.revision {
		if req.records[len(req.records)-1].ID != h.id {
			return false, nil
		}
		if first == last {
			req.appended = eventstore.Appended{Revision: last, Position: h.position}
			return true, nil
		}
	}
	if h.group == c.number {
		c.commit() // what is looked up may be in the batch that is being built
	}
	for i := range req.records {
		rev := first + eventstore.Revision(i)
		pos, id, err := c.lookUp(req.stream, rev)
		if err != nil {
			return false, err
		}
		if id != req.records[i].ID {
			return false, nil
		}
		req.appended = eventstore.Appended{Revision: rev, Position: pos}
	}
	return true, nil
}

// head is the stream's newest event, from the cache or from disk.
func (c *committer) head(stream string) (*headEntry, error) {
	if entry := c.heads.get(stream); entry != nil {
		return entry, nil
	}
	h, err := c.readHead(stream)
	if err != nil {
		return nil, err
	}
	return c.heads.add(stream, h), nil
}

func (c *committer) readHead(stream string) (head, error) {
	none := head{revision: eventstore.NoStream}
	if c.store.streams.missing(stream) {
		return none, nil
	}
	// Most streams that aren't in the cache are new: their first event's key is not in any table, and the filters say so.
	c.scratch = appendStreamKey(c.scratch[:0], stream, 0)
	_, found, err := c.store.get(c.scratch, nil)
	if err != nil || !found {
		return none, err
	}
	lower := bytes.Clone(c.scratch)
	iter, err := c.store.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: appendStreamEnd(nil, stream)})
	if err != nil {
		return none, readError("find the end of stream "+stream, err)
	}
	h := none
	if iter.Last() {
		if _, rev, ok := splitStreamKey(iter.Key()); ok {
			h.revision = rev
		}
	}
	if err := iter.Close(); err != nil {
		return none, readError("find the end of stream "+stream, err)
	}
	if h.position, h.id, err = c.lookUp(stream, h.revision); err != nil {
		return none, err
	}
	return h, nil
}

// lookUp is the position and id of one event that is in Pebble.
func (c *committer) lookUp(stream string, rev eventstore.Revision) (eventstore.Position, uuid.UUID, error) {
	c.scratch = appendStreamKey(c.scratch[:0], stream, rev)
	pos, err := c.store.indexed(c.scratch)
	if err != nil {
		return 0, uuid.Nil, fmt.Errorf("stream %s, revision %d: %w", stream, rev, err)
	}
	rec, err := c.store.record(pos)
	if err != nil {
		return 0, uuid.Nil, fmt.Errorf("stream %s, revision %d: %w", stream, rev, err)
	}
	return pos, rec.ID, nil
}
