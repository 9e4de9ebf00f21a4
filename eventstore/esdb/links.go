package esdb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/benfex/kipay/eventstore"
)

// links hands out the link of the moment and makes a new one when it has been retired, one at a time, with pauses that
// grow while the server is away.
type links struct {
	life    context.Context //nolint:containedctx // it is the store's
	config  client.Configuration
	options Options

	mu      sync.Mutex
	current *link
	// dialing, while a link is being made, is closed when that has ended; failed is why the last one was not made, and
	// failures how often in a row.
	dialing  chan struct{}
	failed   error
	failures int
	// old are retired links that somebody is still inside.
	old []*link
}

func newLinks(life context.Context, config client.Configuration, options Options) *links {
	return &links{life: life, config: config, options: options}
}

// get is the link of the moment, or, when one could not be made, why: ErrUnavailable, or what ended the wait.
func (l *links) get(ctx context.Context) (*link, error) {
	l.mu.Lock()
	if l.current != nil && l.current.retired.Load() {
		l.forget(l.current)
	}
	if l.current != nil {
		defer l.mu.Unlock()
		return l.current, nil
	}
	if l.dialing == nil {
		l.dialing = make(chan struct{})
		go l.dial(l.dialing)
	}
	dialing := l.dialing
	l.mu.Unlock()
	select {
	case <-dialing:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.life.Done():
		return nil, eventstore.ErrClosed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		return nil, l.failed
	}
	return l.current, nil
}

// forget takes a retired link out. The caller holds mu.
func (l *links) forget(old *link) {
	l.current = nil
	l.old = slices.DeleteFunc(append(l.old, old), (*link).drained)
}

// dial makes a link, after a pause if the last one could not be made.
func (l *links) dial(done chan struct{}) {
	l.mu.Lock()
	failures := l.failures
	l.mu.Unlock()
	if failures > 0 {
		select {
		case <-time.After(l.options.pause(failures - 1)):
		case <-l.life.Done():
		}
	}
	made, err := (*link)(nil), error(eventstore.ErrClosed)
	if l.life.Err() == nil {
		if made, err = dial(l.life, l.config, l.options.OneByOne); err != nil {
			err = fmt.Errorf("%w: connect to %s: %w", eventstore.ErrUnavailable, hosts(l.config), plain(err))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(done)
	l.dialing = nil
	switch {
	case err != nil:
		if l.failures == 0 && l.life.Err() == nil {
			l.options.Logf("event store: %v; trying again until it is back", err)
		}
		l.failures, l.failed = l.failures+1, err
	case l.life.Err() != nil:
		made.retire()
		made.drained()
		l.failed = eventstore.ErrClosed
	default:
		if l.failures > 0 {
			l.options.Logf("event store: connected to %s again", hosts(l.config))
		}
		l.current, l.failures, l.failed = made, 0, nil
	}
}

// pause is how long to wait before the next attempt, after so many that failed.
func (o Options) pause(failures int) time.Duration {
	const doublings = 20
	longest := min(o.FirstPause<<min(failures, doublings), o.LongestPause)
	return longest/2 + time.Duration(o.Jitter()*float64(longest/2))
}

// close retires the link of the moment and waits until nobody is inside any, for so long at most. The store's life has
// ended before.
func (l *links) close(patience time.Duration) {
	l.mu.Lock()
	dialing := l.dialing
	l.mu.Unlock()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	if dialing != nil {
		select {
		case <-dialing:
		case <-timeout.C:
			return // the dial finds out that the life has ended
		}
	}
	l.mu.Lock()
	if l.current != nil {
		l.current.retire()
		l.forget(l.current)
	}
	old := l.old
	l.mu.Unlock()
	for _, link := range old {
		select {
		case <-link.closed:
		case <-timeout.C:
			return
		}
	}
}
