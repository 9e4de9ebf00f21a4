package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/ulule/limiter/v3"
	store "github.com/ulule/limiter/v3/drivers/store/redis"
)

// redisPatience is how long Redis has to say that it is there.
const redisPatience = 500 * time.Millisecond

// sharedLimits are the counters of rate limits in a Redis that all nodes use. It connects at the first request, and again
// until that succeeds: a Redis that is away holds no start up, and the web server counts in memory meanwhile.
type sharedLimits struct {
	client *redis.Client

	mu    sync.Mutex
	store limiter.Store
}

func newSharedLimits(url string) (*sharedLimits, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errRedisURL
	}
	o.ContextTimeoutEnabled = true // a request waits no longer than its context says
	o.MaxRetries = -1              // the web server has a stand-in at hand
	return &sharedLimits{client: redis.NewClient(o)}, nil
}

// connected is the store, once Redis has answered.
func (s *sharedLimits) connected() (limiter.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store == nil {
		made, err := store.NewStoreWithOptions(s.client, limiter.StoreOptions{Prefix: "kipay"})
		if err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		s.store = made
	}
	return s.store, nil
}

// Get counts one request.
func (s *sharedLimits) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 1, rate)
}

// Peek tells the count.
func (s *sharedLimits) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	c, err := s.connected()
	if err != nil {
		return limiter.Context{}, err
	}
	return c.Peek(ctx, key, rate)
}

// Reset forgets the count.
func (s *sharedLimits) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	c, err := s.connected()
	if err != nil {
		return limiter.Context{}, err
	}
	return c.Reset(ctx, key, rate)
}

// Increment counts some requests.
func (s *sharedLimits) Increment(ctx context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	c, err := s.connected()
	if err != nil {
		return limiter.Context{}, err
	}
	return c.Increment(ctx, key, count, rate)
}

// up is 1 while Redis answers.
func (s *sharedLimits) up() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), redisPatience)
	defer cancel()
	if s.client.Ping(ctx).Err() != nil {
		return 0
	}
	return 1
}

// close ends the connections.
func (s *sharedLimits) close() { _ = s.client.Close() }
