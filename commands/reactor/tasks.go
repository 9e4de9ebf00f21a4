package reactor

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// Bounds of the queue.
const (
	// maxTasks is how many tasks may wait; then the log is not read on until some are done. It stays on disk.
	maxTasks = 200_000
	// workers carry out tasks side by side, so that their appends share syncs.
	workers = 32
	// Retrying a task whose parts were away.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// task is something to be done at a time. run answers when it wants to be run again, zero when it is done.
type task struct {
	source   *source
	position eventstore.Position
	before   eventstore.Position // the position that was read before it
	due      time.Time
	since    time.Time // of a push: when it was asked for
	kind     kind
	tries    int
	failures int
	run      func(ctx context.Context, t *task) (time.Time, error)
	index    int
	done     bool
}

// kind is what a task is about, for metrics.
type kind int

const (
	kindPush kind = iota
	kindCard
	kindNotice
	kindReceipt
	kindChannel
	kindCustomer
	kindExpiry
	kindRefund
	kindDispute
	kindErasure
	kindPayout
	kindStatement
	kinds
)

// source is where tasks come from: a reading of the log with its checkpoint.
type source struct {
	name string
	mu   sync.Mutex
	// open are the tasks not done yet, and those done since the last checkpoint, by position; the checkpoint is just before
	// the first that is not done.
	open   []*task
	seen   eventstore.Position // the last position that was read
	passed int                 // events that mattered since the last checkpoint
}

// begin notes a task.
func (s *source) begin(t *task) {
	s.mu.Lock()
	t.before = s.seen
	s.open = append(s.open, t)
	s.passed++
	s.mu.Unlock()
}

// read notes that everything up to the position has been read.
func (s *source) read(p eventstore.Position) {
	s.mu.Lock()
	s.seen = max(s.seen, p)
	s.mu.Unlock()
}

// checkpoint is the position that everything up to has been dealt with; worth is false while nothing that mattered passed.
func (s *source) checkpoint() (p eventstore.Position, worth bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []*task // a new one: what waits may be a millionth of what was done behind it
	for _, t := range s.open {
		if !t.done {
			open = append(open, t)
		}
	}
	s.open = open
	p = s.seen
	if len(s.open) > 0 {
		p = s.open[0].before // not position-1: between two events an engine may have positions that are none
	}
	return p, s.passed > 0
}

func (s *source) checkpointed() {
	s.mu.Lock()
	s.passed = 0
	s.mu.Unlock()
}

// queue holds tasks by due time.
type queue struct {
	mu     sync.Mutex
	heap   taskHeap
	count  int // waiting and running
	byKind [kinds]int
	wake   chan struct{} // something became due sooner
	room   chan struct{} // something was done
	now    func() time.Time
}

func newQueue(now func() time.Time) *queue {
	return &queue{wake: make(chan struct{}, 1), room: make(chan struct{}, 1), now: now}
}

// add queues a task of its source; it waits while the queue is full.
func (q *queue) add(ctx context.Context, t *task) error {
	for {
		q.mu.Lock()
		if q.count < maxTasks {
			q.count++
			q.byKind[t.kind]++
			t.source.begin(t)
			q.push(t)
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queue) push(t *task) {
	heap.Push(&q.heap, t)
	if t.index == 0 {
		signal(q.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// next waits for a task that is due.
func (q *queue) next(ctx context.Context) (*task, error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		q.mu.Lock()
		wait := time.Hour
		if len(q.heap) > 0 {
			if wait = q.heap[0].due.Sub(q.now()); wait <= 0 {
				t, _ := heap.Pop(&q.heap).(*task)
				if len(q.heap) > 0 {
					signal(q.wake) // another worker may take the next
				}
				q.mu.Unlock()
				return t, nil
			}
		}
		q.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-q.wake:
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// work carries out tasks until ctx ends.
func (q *queue) work(ctx context.Context, failed func(t *task, err error)) error {
	for {
		t, err := q.next(ctx)
		if err != nil {
			return err
		}
		t.tries++
		again, err := t.run(ctx, t)
		switch {
		case ctx.Err() != nil:
			return ctx.Err() // not done: the checkpoint stays before it
		case err != nil:
			t.failures++
			failed(t, err)
			again = q.now().Add(min(firstRetry<<min(t.failures-1, 10), lastRetry))
		default:
			t.failures = 0
		}
		q.mu.Lock()
		if again.IsZero() {
			q.count--
			q.byKind[t.kind]--
			t.source.mu.Lock()
			t.done, t.run = true, nil
			t.source.mu.Unlock()
			signal(q.room)
		} else {
			t.due = again
			q.push(t)
		}
		q.mu.Unlock()
	}
}

// oldest is when the oldest task of the kind that waits began, zero when none waits.
func (q *queue) oldest(k kind) (since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.heap {
		if t.kind == k && (since.IsZero() || t.since.Before(since)) {
			since = t.since
		}
	}
	return since
}

func (q *queue) waiting(k kind) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.byKind[k]
}

// taskHeap is a heap of tasks by due time.
type taskHeap []*task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h taskHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].index, h[j].index = i, j }
func (h *taskHeap) Push(x any)        { t, _ := x.(*task); t.index = len(*h); *h = append(*h, t) }
func (h *taskHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}
