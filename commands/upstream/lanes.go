package upstream

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
)

// BreakerOptions say when a breaker opens, and for how long.
type BreakerOptions struct {
	Failures uint32        // in a row; default 5
	OpenFor  time.Duration // before one call may try again; default 20 s
}

// Lane is what one kind of call of one channel has to itself: a breaker and a number of slots, so that a flood of calls of one kind,
// or what the provider is slow at, holds up no other.
type Lane[Reply any] struct {
	Breaker *gobreaker.CircuitBreaker[Reply]
	Slots   *semaphore.Weighted
}

type laneKey struct{ channel, name string }

// Lanes are the lanes used lately. A lane that was forgotten while a call is under way ends with that call.
type Lanes[Reply any] struct {
	opts LaneOptions

	mu  sync.Mutex
	lru *simplelru.LRU[laneKey, *Lane[Reply]]
}

// LaneOptions say what lanes there are.
type LaneOptions struct {
	// Provider begins the names of breakers.
	Provider string
	// Channels is for how many channels lanes are kept, Each how many a channel can have, Slots how many calls a lane takes at once.
	Channels, Each, Slots int
	Breaker               BreakerOptions
}

// Failure is an error that says what a breaker is to make of it. One that is none counts.
type Failure interface {
	error
	// Trips tells whether it counts, CallerGaveUp whether it says nothing about the provider.
	Trips() bool
	CallerGaveUp() bool
}

// NewLanes has no lanes yet.
func NewLanes[Reply any](o LaneOptions) *Lanes[Reply] {
	lru, err := simplelru.NewLRU[laneKey, *Lane[Reply]](max(o.Channels, 1)*o.Each, nil)
	if err != nil {
		panic(fmt.Sprintf("upstream: %d lanes of %s for %d channels: %v", o.Each, o.Provider, o.Channels, err))
	}
	o.Slots = max(o.Slots, 1)
	return &Lanes[Reply]{opts: o, lru: lru}
}

// Get is a channel's lane of that name.
func (l *Lanes[Reply]) Get(channel, name string) *Lane[Reply] {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := laneKey{channel, name}
	if found, ok := l.lru.Get(key); ok {
		return found
	}
	made := &Lane[Reply]{Slots: semaphore.NewWeighted(int64(l.opts.Slots)), Breaker: l.newBreaker()}
	l.lru.Add(key, made)
	return made
}

// States are the breakers' states (closed, half-open, open) by provider/{channel}/{name}.
func (l *Lanes[Reply]) States() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]string, l.lru.Len())
	for _, k := range l.lru.Keys() {
		if v, ok := l.lru.Peek(k); ok {
			all[l.opts.Provider+"/"+k.channel+"/"+k.name] = v.Breaker.State().String()
		}
	}
	return all
}

func (l *Lanes[Reply]) newBreaker() *gobreaker.CircuitBreaker[Reply] {
	o := l.opts
	return gobreaker.NewCircuitBreaker[Reply](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     o.Breaker.OpenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= o.Breaker.Failures },
		IsSuccessful: func(err error) bool {
			var f Failure
			return err == nil || errors.As(err, &f) && !f.Trips()
		},
		IsExcluded: func(err error) bool {
			var f Failure
			return errors.As(err, &f) && f.CallerGaveUp()
		},
	})
}
