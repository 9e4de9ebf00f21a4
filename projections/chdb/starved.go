package chdb

import (
	"errors"
	"strings"
	"sync"
	"time"
)

// codeMemoryLimit is ClickHouse's number for a limit of memory, a statement's own or the engine's.
const codeMemoryLimit = 241

// An engine is starved when so many statements that ran alone found no memory left, over at least so long and without a longer pause.
const (
	starvedFailures = 5
	starvedFor      = 3 * time.Second
	starvedPause    = time.Minute
)

// starved notices an engine that has no memory left for a statement that is the only one. Some of what the engine takes it keeps until it
// ends: 4 MiB of each time zone that it was ever asked for. Nothing can be asked of it any more then, while it answers pings;
// the supervisor starts the next, which is there in half a second.
type starved struct {
	now func() time.Time

	mu          sync.Mutex
	running     int
	failures    int
	first, last time.Time  // of those failures
	over        chan error // gets what ends the process
}

func newStarved() *starved { return &starved{now: time.Now, over: make(chan error, 1)} }

// begin notes a statement; ends is told how it ended.
func (s *starved) begin() (ends func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	return s.end
}

func (s *starved) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	alone := s.running == 1
	s.running--
	var known *Error
	if !alone || !errors.As(err, &known) || known.Code != codeMemoryLimit || !strings.Contains(known.Message, "(total) memory limit") {
		return
	}
	now := s.now()
	if s.failures == 0 || now.Sub(s.last) > starvedPause {
		s.failures, s.first = 0, now
	}
	s.failures, s.last = s.failures+1, now
	if s.failures < starvedFailures || now.Sub(s.first) < starvedFor {
		return
	}
	select {
	case s.over <- errors.New("chdb: the engine has no memory left for a single statement: giving up the process"):
	default:
	}
}
