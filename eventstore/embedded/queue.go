package embedded

import (
	"context"
	"fmt"
	"sync"

	"github.com/benfex/kipay/eventstore"
)

// requestKind is what a request asks of the committer.
type requestKind int

const (
	appendEvents requestKind = iota
	replaceKey
	// deleteKey removes a key, destroyKey also lists it among the erasures.
	deleteKey
	destroyKey
	// settleKeys asks for nothing but that what came before it is done.
	settleKeys
)

// request is one call that waits for the committer. The caller owns it before it is queued and after done; a caller
// that stops waiting leaves it to the garbage collector.
type request struct {
	kind requestKind

	stream   string
	expected eventstore.Revision
	// records are the events; the committer adds position, revision and time. encoded are the same, as they are stored;
	// data and metadata of records lie in them.
	records []eventstore.Record
	encoded [][]byte
	// size is the bytes of encoded.
	size int

	name         string
	old, wrapped []byte

	// written tells that the request wrote events. appended and err are the answer. They may be read after done.
	written  bool
	appended eventstore.Appended
	err      error
	done     chan struct{}

	// oneRecord and oneEncoded hold the usual single event without another allocation.
	oneRecord  [1]eventstore.Record
	oneEncoded [1][]byte
}

var requests = sync.Pool{New: func() any { return &request{done: make(chan struct{}, 1)} }}

func newRequest(kind requestKind) *request {
	req, ok := requests.Get().(*request)
	if !ok {
		panic("embedded: the pool of requests holds something else")
	}
	req.kind = kind
	return req
}

// release gives back a request that was answered.
func (r *request) release() {
	*r = request{done: r.done}
	requests.Put(r)
}

// answer ends the request.
func (r *request) answer() { r.done <- struct{}{} }

// queue is what waits for the committer, in the order of arrival, bounded in number and bytes.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	bytes   int
	closed  bool
	// callers counts the requests that were queued and not answered, wakeAt is how many have to wait to wake the committer.
	callers, wakeAt int
	// wake tells the committer that so many wait; room, when somebody waits for it, is closed when there is room.
	wake chan struct{}
	room chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push queues the request, and waits for room as long as ctx and the store live.
func (q *queue) push(ctx context.Context, req *request, f *failure) error {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return fmt.Errorf("append: %w", eventstore.ErrClosed)
		}
		if len(q.waiting) == 0 || (len(q.waiting) < maxQueuedAppends && q.bytes+req.size <= maxQueuedBytes) {
			q.waiting = append(q.waiting, req)
			q.bytes += req.size
			q.callers++
			enough := len(q.waiting) == q.wakeAt
			q.mu.Unlock()
			if enough {
				q.poke()
			}
			return nil
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		case <-f.tripped:
			return f.Err()
		}
	}
}

// poke wakes the committer.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take swaps what waits for the empty slice given. It answers false when the queue is closed and empty.
func (q *queue) take(empty []*request) ([]*request, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting, q.bytes, q.wakeAt = empty, 0, 0
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	return taken, len(taken) > 0 || !q.closed
}

// wakeFor has the committer woken when so many requests wait. It answers whether they do already.
func (q *queue) wakeFor(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakeAt = n
	return len(q.waiting) >= n || q.closed
}

// answered takes so many requests off the callers, and answers how many there were with them.
func (q *queue) answered(n int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	callers := q.callers
	q.callers -= n
	return callers
}

// close refuses further requests. What waits is still carried out.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.mu.Unlock()
	q.poke()
}
