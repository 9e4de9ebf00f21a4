package commands

import (
	"context"
	"sync"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// believedFor is how long what is in memory is believed after it was last known to be true: a key that is revoked, or a
// channel that is turned off, on another node counts on this one within that time, also when the connection on which this
// node would hear of it has silently broken.
const believedFor = time.Second

// trust is until when the caches are believed.
type trust struct {
	mu    sync.Mutex
	until time.Time
	at    eventstore.Position // how far Follow has come, with all that it meant done
	moved chan struct{}       // closed when at changes
}

// reset begins without any belief.
func (t *trust) reset(at eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until, t.at = time.Time{}, at
	if t.moved == nil {
		t.moved = make(chan struct{})
	}
}

// heard takes in that Follow has come further.
func (t *trust) heard(at eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.moved == nil || at <= t.at {
		return
	}
	t.at = at
	close(t.moved)
	t.moved = make(chan struct{})
}

func (t *trust) holds(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Before(t.until)
}

func (t *trust) extend(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until.After(t.until) {
		t.until = until
	}
}

// await returns true when Follow has come as far as the position.
func (t *trust) await(ctx context.Context, at eventstore.Position) bool {
	for {
		t.mu.Lock()
		have, moved := t.at, t.moved
		t.mu.Unlock()
		if have >= at {
			return true
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}

// probe compares, until ctx ends, what Follow has heard with how far the log is: once it has heard of all that was there when
// the question was asked, nothing older is missing.
func (w *WriteSide) probe(ctx context.Context) {
	tick := time.NewTicker(w.Probe)
	defer tick.Stop()
	for {
		w.probeOnce(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *WriteSide) probeOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, believedFor)
	defer cancel()
	asked := w.log.Now()
	head, err := w.log.Store().Head(ctx)
	if err == nil && w.trust.await(ctx, head) {
		w.trust.extend(asked.Add(believedFor))
	}
}
