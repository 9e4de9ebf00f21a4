package web

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"
)

const (
	// storeTimeout is how long a request waits for the shared counters.
	storeTimeout = 100 * time.Millisecond
	// storePause is how long they aren't asked after they failed.
	storePause = 2 * time.Second
)

// newRateStore is where counters are kept: in memory, or in shared with memory as its stand-in.
func newRateStore(shared limiter.Store, log zerolog.Logger, now func() time.Time, failures prometheus.Counter) limiter.Store {
	local := memory.NewStoreWithOptions(limiter.StoreOptions{Prefix: "kipay", CleanUpInterval: time.Minute})
	if shared == nil {
		return local
	}
	return &sharedStore{Store: shared, local: local, log: log, now: now, failures: failures}
}

// sharedStore counts in a store that other nodes use too. While that is away it counts in memory: a payment isn't refused
// because a counter can't be reached, and the limit still holds for each node.
type sharedStore struct {
	limiter.Store
	local limiter.Store
	log   zerolog.Logger
	now   func() time.Time
	// failures counts the requests that could not be counted in the shared store.
	failures prometheus.Counter
	// pausedUntil is when the store is asked again, in Unix nanoseconds.
	pausedUntil atomic.Int64
}

// Get counts one request.
func (s *sharedStore) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	paused := s.pausedUntil.Load()
	if s.now().UnixNano() < paused {
		s.failures.Inc()
		return s.local.Get(ctx, key, rate)
	}
	short, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	state, err := s.Store.Get(short, key, rate)
	if err == nil {
		return state, nil
	}
	s.failures.Inc()
	if s.pausedUntil.CompareAndSwap(paused, s.now().Add(storePause).UnixNano()) { // one of those that failed together
		s.log.Warn().Str("error", redact(err.Error())).Msg("rate limit store is away, counting in memory")
	}
	return s.local.Get(ctx, key, rate)
}
