// Package deliverytest has the clock that tests of deliveries turn by hand.
package deliverytest

import (
	"sync"
	"time"
)

// Clock is a time that stands still until it is advanced. Timers fire on the goroutine that advances.
type Clock struct {
	mu     sync.Mutex
	added  *sync.Cond
	now    time.Time
	nextID int
	timers map[int]clockTimer
}

type clockTimer struct {
	at time.Time
	f  func()
}

// NewClock stands at now.
func NewClock(now time.Time) *Clock {
	c := &Clock{now: now, timers: map[int]clockTimer{}}
	c.added = sync.NewCond(&c.mu)
	return c
}

// Now is where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc has f run when the clock comes to d from now, as time.AfterFunc has; the answer takes it back.
func (c *Clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextID++
	id := c.nextID
	c.timers[id] = clockTimer{c.now.Add(d), f}
	c.added.Broadcast()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, live := c.timers[id]
		delete(c.timers, id)
		return live
	}
}

// AwaitTimers blocks until at least n timers wait.
func (c *Clock) AwaitTimers(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.timers) < n {
		c.added.Wait()
	}
}

// Advance moves the clock by d and fires what becomes due, in order.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	target := c.now.Add(d)
	for {
		due, at := 0, target
		for id, t := range c.timers {
			if !t.at.After(at) && (due == 0 || t.at.Before(at) || id < due) {
				due, at = id, t.at
			}
		}
		if due == 0 {
			break
		}
		f := c.timers[due].f
		delete(c.timers, due)
		if at.After(c.now) {
			c.now = at
		}
		c.mu.Unlock()
		f()
		c.mu.Lock()
	}
	c.now = target
	c.mu.Unlock()
}
