package delivery

import "sync"

// Kept is how many deliveries a Log remembers.
const Kept = 2_000

// Log keeps the latest deliveries, numbered from 1, and hands each one on.
type Log[D any] struct {
	stream chan D
	number func(*D, int64)

	mu      sync.Mutex
	lastID  int64
	kept    []D           // the last of them has the number lastID
	changed chan struct{} // closed and replaced by each entry
}

// NewLog is an empty Log; number writes a delivery's number into it.
func NewLog[D any](number func(*D, int64)) *Log[D] {
	return &Log[D]{stream: make(chan D, Kept), number: number, changed: make(chan struct{})}
}

// Stream hands on each delivery. When nobody reads, the oldest ones go.
func (l *Log[D]) Stream() <-chan D { return l.stream }

// Add notes a delivery.
func (l *Log[D]) Add(d D) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	l.number(&d, l.lastID)
	if len(l.kept) == Kept {
		l.kept = append(l.kept[:0], l.kept[1:]...)
	}
	l.kept = append(l.kept, d)
	for sent := false; !sent; {
		select {
		case l.stream <- d:
			sent = true
		default: // nobody reads: the oldest goes
			select {
			case <-l.stream:
			default:
			}
		}
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// After lists the deliveries with a greater number, oldest first.
func (l *Log[D]) After(id int64) []D {
	list, _ := l.Watch(id)
	return list
}

// Watch is After, with a channel that closes at the next delivery.
func (l *Log[D]) Watch(id int64) ([]D, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.lastID - int64(len(l.kept)) + 1
	from := min(max(id+1-first, 0), int64(len(l.kept)))
	return append([]D{}, l.kept[from:]...), l.changed
}
