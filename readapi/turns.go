package readapi

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// turns bounds how many at once do something that takes long, of all merchants and of one, so that one merchant who takes its time
// never keeps all others waiting.
type turns struct {
	all  *semaphore.Weighted
	each int64

	mu  sync.Mutex
	own map[int64]*turn
}

// turn is what one merchant may have; users are those who hold some of it or wait for it.
type turn struct {
	*semaphore.Weighted
	users int
}

func newTurns(all, each int64) *turns {
	return &turns{all: semaphore.NewWeighted(all), each: each, own: map[int64]*turn{}}
}

// take waits for a turn of the merchant's; done ends it. Errors: ctx's.
func (t *turns) take(ctx context.Context, merchantID int64) (done func(), err error) {
	t.mu.Lock()
	own := t.own[merchantID]
	if own == nil {
		own = &turn{Weighted: semaphore.NewWeighted(t.each)}
		t.own[merchantID] = own
	}
	own.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(t.own, merchantID)
		}
	}
	if err := own.Acquire(ctx, 1); err != nil {
		leave()
		return nil, err
	}
	if err := t.all.Acquire(ctx, 1); err != nil {
		own.Release(1)
		leave()
		return nil, err
	}
	return func() {
		t.all.Release(1)
		own.Release(1)
		leave()
	}, nil
}
