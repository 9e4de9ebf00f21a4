package embedded

import (
	"sync/atomic"
	"time"
)

// While a group is being synced the next one forms, and it is handed to the disk when that sync is done: one sync at a
// time, each for everybody who came meanwhile. When it is done, those it answers are often back within microseconds;
// to sync without them would split the callers into two halves that take turns and wait twice as long. So the
// committer gives them a moment, as long as experience says that they come.
const (
	// wakeWhileSyncing is how many requests wake the committer while a group is being synced, to prepare them meanwhile.
	wakeWhileSyncing = 16
	// mostPatience is the largest part of a sync's duration that is waited, leastPatience the least that is worth it.
	mostPatience, leastPatience = 0.5, 1.0 / 32
	// probeEvery is after how many groups a committer that stopped waiting tries it again.
	probeEvery = 64
	// shortestWait is below what a timer can tell.
	shortestWait = 20 * time.Microsecond
)

// pacing is what committer and publisher tell each other about the groups.
type pacing struct {
	// inFlight counts the groups handed over and not answered.
	inFlight atomic.Int64
	// callers is how many requests were there just before the newest group was answered, itself included.
	callers atomic.Int64
	// syncTime is how long the newest sync took, in nanoseconds.
	syncTime atomic.Int64
	// idle is sent to when nothing is in flight any more.
	idle chan struct{}

	// The rest is the committer's own. patience is the part of a sync's duration that it waits, waited tells that it has
	// for this group, since counts the groups since it last tried.
	patience float64
	waited   bool
	since    int
	timer    *time.Timer
}

func newPacing() *pacing {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &pacing{idle: make(chan struct{}, 1), patience: mostPatience / 2, timer: timer}
}

// answered tells that a group is answered.
func (p *pacing) answered() {
	if p.inFlight.Add(-1) == 0 {
		select {
		case p.idle <- struct{}{}:
		default:
		}
	}
}

// moment is how long to wait for callers who may be back, zero for not at all, and how many requests are enough.
func (p *pacing) moment(gathered int) (enough int, wait time.Duration) {
	callers := int(p.callers.Load())
	enough = callers - callers/8
	if p.waited || gathered >= enough {
		return 0, 0
	}
	if p.patience < leastPatience {
		if p.since++; p.since < probeEvery {
			return 0, 0
		}
		p.patience = mostPatience / 4
	}
	p.since = 0
	wait = time.Duration(p.patience * float64(p.syncTime.Load()))
	if wait < shortestWait {
		return 0, 0
	}
	return enough, wait
}

// learn adjusts the patience to whether they came.
func (p *pacing) learn(came bool) {
	p.waited = true
	if came {
		p.patience = min(mostPatience, p.patience*1.25)
	} else {
		p.patience /= 2
	}
}
