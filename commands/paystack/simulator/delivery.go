package simulator

import (
	"sync"
	"time"
)

// Delivery is one webhook request, after its answer.
type Delivery struct {
	ID        int64     `json:"id"`   // counts up from 1
	Kind      string    `json:"kind"` // the event: charge.success
	At        time.Time `json:"at"`   // when it was sent
	URL       string    `json:"url"`
	Reference string    `json:"reference"`
	Attempt   int       `json:"attempt"`
	Signature string    `json:"signature"`
	Body      string    `json:"body"`
	Status    int       `json:"status"`          // the merchant's answer; 0 when there was none
	Reply     string    `json:"reply,omitempty"` // the start of its body
	Error     string    `json:"error,omitempty"` // why there was no answer
}

// deliveryLog keeps the latest deliveries and hands each one on.
type deliveryLog struct {
	stream chan Delivery

	mu      sync.Mutex
	lastID  int64
	kept    []Delivery
	changed chan struct{} // closed and replaced by each entry
}

func newDeliveryLog() *deliveryLog {
	return &deliveryLog{stream: make(chan Delivery, keptDeliveries), changed: make(chan struct{})}
}

func (l *deliveryLog) add(d Delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	d.ID = l.lastID
	if len(l.kept) == keptDeliveries {
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

// after lists the deliveries with a greater id, oldest first.
func (l *deliveryLog) after(id int64) []Delivery {
	list, _ := l.watch(id)
	return list
}

// watch is after, with a channel that closes at the next delivery.
func (l *deliveryLog) watch(id int64) ([]Delivery, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []Delivery{}
	for _, d := range l.kept {
		if d.ID > id {
			list = append(list, d)
		}
	}
	return list, l.changed
}
