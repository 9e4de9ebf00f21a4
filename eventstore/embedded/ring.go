package embedded

import (
	"sync"
	"sync/atomic"

	"github.com/benfex/kipay/eventstore"
)

// ring holds the newest durable records for all live subscribers, bounded in number and bytes, and knows the head.
// Records in it are shared, never copied beyond their struct.
type ring struct {
	head atomic.Uint64

	mu      sync.Mutex
	records []eventstore.Record
	// first and next bound what is held: the positions first up to, not including, next.
	first, next     eventstore.Position
	bytes, maxBytes int
	// waiting are the subscriptions to wake at the next record.
	waiting []*Subscription
}

func newRing(head eventstore.Position, maxEvents, maxBytes int) *ring {
	r := &ring{
		records: make([]eventstore.Record, maxEvents), first: head + 1, next: head + 1, maxBytes: maxBytes,
	}
	r.head.Store(uint64(head))
	return r
}

// Head is the newest durable position.
func (r *ring) Head() eventstore.Position { return eventstore.Position(r.head.Load()) }

// publish adds the records of the requests, which are durable now and follow the head without a gap, and wakes who
// waits for them.
func (r *ring) publish(requests []*request) {
	r.mu.Lock()
	for _, req := range requests {
		if !req.written {
			continue
		}
		for i := range req.records {
			r.add(&req.records[i])
		}
	}
	if head := uint64(r.next - 1); head != r.head.Load() {
		r.head.Store(head)
		for i, sub := range r.waiting {
			sub.waiting = false
			sub.poke()
			r.waiting[i] = nil
		}
		r.waiting = r.waiting[:0]
	}
	r.mu.Unlock()
}

func (r *ring) add(rec *eventstore.Record) {
	if rec.Position != r.next {
		panic("embedded: a record was published out of order")
	}
	if r.next-r.first == eventstore.Position(len(r.records)) {
		r.evict()
	}
	*r.slot(r.next) = *rec
	r.next++
	r.bytes += sizeInMemory(rec)
	for r.bytes > r.maxBytes && r.next-r.first > 1 {
		r.evict()
	}
}

func (r *ring) evict() {
	slot := r.slot(r.first)
	r.bytes -= sizeInMemory(slot)
	*slot = eventstore.Record{}
	r.first++
}

func (r *ring) slot(pos eventstore.Position) *eventstore.Record {
	return &r.records[pos%eventstore.Position(len(r.records))]
}

// copyFrom copies the records from pos on, within the bounds of one batch. The caller holds mu and pos is in the ring.
func (r *ring) copyFrom(pos eventstore.Position) []eventstore.Record {
	n, bytes := 0, 0
	for at := pos; at < r.next && n < maxBatchEvents; at++ {
		if bytes += sizeInMemory(r.slot(at)); n > 0 && bytes > maxBatchBytes {
			break
		}
		n++
	}
	batch := make([]eventstore.Record, n)
	for i := range batch {
		batch[i] = *r.slot(pos + eventstore.Position(i))
	}
	return batch
}
