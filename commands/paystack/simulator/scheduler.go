package simulator

import (
	"context"
	"sync"
	"time"
)

// maxWorkers bounds the deliveries under way at once.
const maxWorkers = 32

// scheduler owns every delivery: those that wait for their time, those that are due, and those under way.
type scheduler struct {
	afterFunc func(time.Duration, func()) func() bool
	wake      chan struct{}
	ended     chan struct{} // closed when run has returned

	mu      sync.Mutex
	timers  map[uint64]func() bool
	lastID  uint64
	due     []func(context.Context)
	active  int
	running bool
	closed  bool
	idle    chan struct{} // closed when nothing is due or under way; nil while nobody asks
}

func newScheduler(afterFunc func(time.Duration, func()) func() bool) *scheduler {
	return &scheduler{
		afterFunc: afterFunc, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		timers: map[uint64]func() bool{},
	}
}

// in runs job d from now, on a worker. After close it does nothing.
func (s *scheduler) in(d time.Duration, job func(context.Context)) {
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
func (s *scheduler) push(job func(context.Context)) {
	s.due = append(s.due, job)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *scheduler) pop() func(context.Context) {
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

func (s *scheduler) run(ctx context.Context) error {
	s.mu.Lock()
	if s.running || s.closed {
		running := s.running
		s.mu.Unlock()
		if running {
			return errRunning
		}
		return errClosed
	}
	s.running = true
	s.mu.Unlock()
	defer close(s.ended)

	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, maxWorkers)
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

func (s *scheduler) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.rest()
}

// rest tells those who wait in settle, when there is nothing left to do now. The caller holds mu.
func (s *scheduler) rest() {
	if s.idle != nil && len(s.due) == 0 && s.active == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// settle waits until nothing is due or under way. Jobs whose time has not come are not waited for.
func (s *scheduler) settle(ctx context.Context) error {
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
func (s *scheduler) stop() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.drop()
}

// drop forgets the jobs that wait; those under way go on.
func (s *scheduler) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, stop := range s.timers {
		stop()
		delete(s.timers, id)
	}
	s.due = nil
	s.rest()
}

// close stops, and waits for run when it was started. The context given to run must have ended.
func (s *scheduler) close() {
	s.stop()
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running {
		<-s.ended
	}
}

func (s *scheduler) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.timers) + len(s.due) + s.active
}
