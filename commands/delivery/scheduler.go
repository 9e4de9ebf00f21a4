package delivery

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The errors of Run.
var (
	ErrRunning = errors.New("deliver: Run was called twice")
	ErrClosed  = errors.New("deliver: closed")
)

// MaxWorkers bounds the deliveries under way at once.
const MaxWorkers = 32

// Scheduler owns every delivery: those that wait for their time, those that are due, and those under way.
type Scheduler struct {
	afterFunc func(time.Duration, func()) func() bool
	wake      chan struct{}
	ended     chan struct{} // closed when Run has returned

	mu      sync.Mutex
	timers  map[uint64]func() bool
	lastID  uint64
	due     []func(context.Context)
	active  int
	running bool
	closed  bool
	idle    chan struct{} // closed when nothing is due or under way; nil while nobody asks
}

// NewScheduler is a Scheduler that waits with afterFunc, as time.AfterFunc does; what that answers takes the wait back.
func NewScheduler(afterFunc func(time.Duration, func()) func() bool) *Scheduler {
	return &Scheduler{
		afterFunc: afterFunc, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		timers: map[uint64]func() bool{},
	}
}

// In runs job d from now, on a worker. After Close it does nothing.
func (s *Scheduler) In(d time.Duration, job func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if d <= 0 {
		s.push(job)
		return
	}
	s.lastID++
	id := s.lastID
	s.timers[id] = s.afterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, live := s.timers[id]; !live {
			return // dropped while it fired
		}
		delete(s.timers, id)
		s.push(job)
	})
}

// push makes job due. The caller holds mu.
func (s *Scheduler) push(job func(context.Context)) {
	s.due = append(s.due, job)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Scheduler) pop() func(context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.due) == 0 {
		return nil
	}
	job := s.due[0]
	s.due = s.due[1:]
	s.active++
	return job
}

// Run delivers until ctx ends. Errors: ErrRunning, ErrClosed.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running || s.closed {
		running := s.running
		s.mu.Unlock()
		if running {
			return ErrRunning
		}
		return ErrClosed
	}
	s.running = true
	s.mu.Unlock()
	defer close(s.ended)

	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, MaxWorkers)
	for {
		for job := s.pop(); job != nil; job = s.pop() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				s.stop()
				return nil
			}
			workers.Go(func() {
				defer func() { <-slots; s.finished() }()
				job(ctx)
			})
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			s.stop()
			return nil
		}
	}
}

func (s *Scheduler) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.rest()
}

// rest tells those who wait in Settle, when there is nothing left to do now. The caller holds mu.
func (s *Scheduler) rest() {
	if s.idle != nil && len(s.due) == 0 && s.active == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// Settle waits until nothing is due or under way. Jobs whose time has not come are not waited for.
func (s *Scheduler) Settle(ctx context.Context) error {
	s.mu.Lock()
	if len(s.due) == 0 && s.active == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop refuses new jobs and forgets those that wait.
func (s *Scheduler) stop() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.Drop()
}

// Drop forgets the jobs that wait; those under way go on.
func (s *Scheduler) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, stop := range s.timers {
		stop()
		delete(s.timers, id)
	}
	s.due = nil
	s.rest()
}

// Close stops, and waits for Run when it was started. The context given to Run must have ended.
func (s *Scheduler) Close() {
	s.stop()
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running {
		<-s.ended
	}
}

// Pending is how many jobs wait, are due or under way.
func (s *Scheduler) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.timers) + len(s.due) + s.active
}
