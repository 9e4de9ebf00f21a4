package mpesa

import (
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
)

// A lane is what one kind of call of one channel has to itself: a breaker and a number of slots. Pushes and queries
// have separate ones, so that neither Daraja's slow queries nor a flood of them keep a push from being sent; so have
// reversals, payouts, and the questions that initiators ask.
type lane struct {
	breaker *gobreaker.CircuitBreaker[reply]
	slots   *semaphore.Weighted
}

type laneKey struct {
	channel ChannelKey
	name    string
}

// lanes are the lanes used lately. A lane that was forgotten while a call is under way ends with that call.
type lanes struct {
	slots int64
	opts  BreakerOptions

	mu  sync.Mutex
	lru *simplelru.LRU[laneKey, *lane]
}

// laneNames is how many lanes a channel can have: push, query, c2b, reversal, b2c, ask.
const laneNames = 6

func newLanes(channels, slots int, o BreakerOptions) *lanes {
	lru, err := simplelru.NewLRU[laneKey, *lane](max(channels, 1)*laneNames, nil)
	if err != nil {
		panic(fmt.Sprintf("mpesa: lanes for %d channels: %v", channels, err))
	}
	return &lanes{slots: int64(max(slots, 1)), opts: o, lru: lru}
}

func (l *lanes) get(ch ChannelKey, name string) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := laneKey{ch, name}
	if found, ok := l.lru.Get(key); ok {
		return found
	}
	made := &lane{slots: semaphore.NewWeighted(l.slots), breaker: newBreaker(l.opts)}
	l.lru.Add(key, made)
	return made
}

func (l *lanes) states() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]string, l.lru.Len())
	for _, k := range l.lru.Keys() {
		if v, ok := l.lru.Peek(k); ok {
			all["mpesa/"+string(k.channel)+"/"+k.name] = v.breaker.State().String()
		}
	}
	return all
}

func newBreaker(o BreakerOptions) *gobreaker.CircuitBreaker[reply] {
	return gobreaker.NewCircuitBreaker[reply](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     o.OpenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= o.Failures },
		IsSuccessful: func(err error) bool {
			var e *Error
			return err == nil || errors.As(err, &e) && !e.trips
		},
		IsExcluded: func(err error) bool {
			var e *Error
			return errors.As(err, &e) && e.cancelled
		},
	})
}
