package analyst

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errBusy is for a token that runs and waits for as many statements as it may.
var errBusy = errors.New("too many statements at once")

// turns lets each token run a few statements at once and keeps a few more waiting.
type turns struct {
	concurrent, queue int
	patience          time.Duration

	mu    sync.Mutex
	lanes map[string]*lane // of the tokens that run or wait now
}

type lane struct {
	free  chan struct{}
	users int
}

func newTurns(limits Limits) *turns {
	return &turns{concurrent: limits.Concurrent, queue: limits.Queue, patience: limits.QueueTimeout, lanes: map[string]*lane{}}
}

// wait waits for a turn. What it gives has to be called when the turn is over. It fails with errBusy, or the end of ctx.
func (t *turns) wait(ctx context.Context, key string) (over func(), err error) {
	t.mu.Lock()
	l := t.lanes[key]
	if l == nil {
		l = &lane{free: make(chan struct{}, t.concurrent)}
		t.lanes[key] = l
	}
	if l.users >= t.concurrent+t.queue {
		t.mu.Unlock()
		return nil, errBusy
	}
	l.users++
	t.mu.Unlock()

	patience := time.NewTimer(t.patience)
	defer patience.Stop()
	select {
	case l.free <- struct{}{}:
		return func() {
			<-l.free
			t.leave(key, l)
		}, nil
	case <-patience.C:
		t.leave(key, l)
		return nil, errBusy
	case <-ctx.Done():
		t.leave(key, l)
		return nil, context.Cause(ctx)
	}
}

func (t *turns) leave(key string, l *lane) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(t.lanes, key)
	}
}
