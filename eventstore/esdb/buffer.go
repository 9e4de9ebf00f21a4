package esdb

import (
	"context"
	"sync"

	"github.com/benfex/kipay/eventstore"
)

// maxBufferEvents and maxBufferBytes bound what waits for Next (one event at least). While it is reached the server is
// not read from, and stops sending.
const (
	maxBufferEvents = 1024
	maxBufferBytes  = 2 << 20
)

// buffer is what a subscription has received and not handed out: events, and where among them it caught up.
type buffer struct {
	// filled is sent to when there is something to take, room when something was taken.
	filled, room chan struct{}

	mu      sync.Mutex
	records []eventstore.Record
	bytes   int
	// seen is the position that everything up to was received, told the last checkpoint handed out.
	seen, told eventstore.Position
	// live tells that the server said it had sent all there was, with liveAt records received and liveSeen seen then.
	live     bool
	liveAt   int
	liveSeen eventstore.Position
	err      error
}

func newBuffer(from eventstore.Position) *buffer {
	return &buffer{filled: make(chan struct{}, 1), room: make(chan struct{}, 1), seen: from, told: from}
}

// reached is the position that everything up to was received: where to go on.
func (b *buffer) reached() eventstore.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

// add waits for room and takes an event in. One that was received before, over another connection, is dropped.
func (b *buffer) add(ctx context.Context, rec eventstore.Record) error {
	for {
		b.mu.Lock()
		if rec.Position <= b.seen {
			b.mu.Unlock()
			return nil
		}
		size := sizeInMemory(&rec)
		if n := len(b.records); n == 0 || n < maxBufferEvents && b.bytes+size <= maxBufferBytes {
			b.records = append(b.records, rec)
			b.bytes += size
			b.seen = rec.Position
			b.mu.Unlock()
			signal(b.filled)
			return nil
		}
		b.mu.Unlock()
		select {
		case <-b.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// checkpoint tells that everything up to the position was received.
func (b *buffer) checkpoint(p eventstore.Position) {
	b.mu.Lock()
	b.seen = max(b.seen, p)
	b.mu.Unlock()
	signal(b.filled)
}

// caughtUp tells that what was received is all there was.
func (b *buffer) caughtUp() {
	b.mu.Lock()
	b.live, b.liveAt, b.liveSeen = true, len(b.records), b.seen
	b.mu.Unlock()
	signal(b.filled)
}

// fail ends the buffer: what is in it is still handed out.
func (b *buffer) fail(err error) {
	b.mu.Lock()
	b.err = err
	b.mu.Unlock()
	signal(b.filled)
}

// take hands out what there is. It answers false when there is nothing.
func (b *buffer) take() (eventstore.Batch, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.live:
		batch := eventstore.Batch{Records: b.records[:b.liveAt:b.liveAt], CaughtUp: true, Checkpoint: b.liveSeen}
		rest := b.records[b.liveAt:]
		b.records, b.bytes = nil, 0
		for i := range rest {
			b.records = append(b.records, rest[i])
			b.bytes += sizeInMemory(&rest[i])
		}
		b.live, b.told = false, b.liveSeen
		if len(b.records) > 0 || b.seen > b.told {
			signal(b.filled)
		}
		signal(b.room)
		return batch, true, nil
	case len(b.records) > 0 || b.seen > b.told:
		batch := eventstore.Batch{Records: b.records, Checkpoint: b.seen}
		b.records, b.bytes, b.told = nil, 0, b.seen
		signal(b.room)
		return batch, true, nil
	case b.err != nil:
		return eventstore.Batch{}, false, b.err
	default:
		return eventstore.Batch{}, false, nil
	}
}

// signal wakes who waits on the channel, now or next time.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
