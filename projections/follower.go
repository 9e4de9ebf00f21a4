package projections

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/eventstore"
)

const (
	// followIdle is how often a Follower looks when nobody waits, followBusy when somebody does.
	followIdle = 500 * time.Millisecond
	followBusy = 25 * time.Millisecond
)

// Follower tells how far the read models have come on a node that does not project: it reads what a projector elsewhere
// notes of that.
type Follower struct {
	conn    driver.Conn
	logger  zerolog.Logger
	tracker *tracker
	wanted  chan struct{}
	// fault is why it can't be read how far the read models are, nil while it can.
	fault atomic.Pointer[error]
}

var (
	_ Source = (*Follower)(nil)
	_ Source = (*Projector)(nil)
)

// NewFollower is a follower that knows nothing until Run.
func NewFollower(conn driver.Conn, logger zerolog.Logger) *Follower {
	f := &Follower{conn: conn, logger: logger, tracker: newTracker(), wanted: make(chan struct{}, 1)}
	starting := errors.New("how far the read models are was not read yet")
	f.fault.Store(&starting)
	return f
}

// Run looks how far the read models are until ctx ends, whatever happens to ClickHouse meanwhile. It returns nil.
func (f *Follower) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked, complained time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-f.wanted:
			if since := time.Since(looked); since < followBusy {
				timer.Reset(followBusy - since)
				continue
			}
		}
		err := f.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		looked = time.Now()
		switch was := f.note(err); {
		case err != nil && looked.Sub(complained) >= complainEvery:
			complained = looked
			f.logger.Warn().Err(err).Msg("how far the read models are can't be read; it is tried again until it can")
		case err == nil && was != nil:
			complained = time.Time{}
			f.logger.Info().Msg("how far the read models are can be read")
		}
		timer.Reset(followIdle)
	}
}

// note keeps the error, nil for none, and answers the one before.
func (f *Follower) note(err error) (was *error) {
	if err == nil {
		return f.fault.Swap(nil)
	}
	return f.fault.Swap(&err)
}

func (f *Follower) look(ctx context.Context) error {
	g, at, err := readProgress(ctx, f.conn)
	switch have, was, _ := f.tracker.get(); {
	case errors.Is(err, errOtherLayout):
		f.tracker.set(0, 0) // what is there can't be read
	case err == nil && (g != have || at > was): // what was told once stays true
		f.tracker.set(g, at)
	}
	return err
}

// Ready is nil while it is known how far the read models are, else why it is not.
func (f *Follower) Ready() error {
	if err := f.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// Generation is the generation that reads use, 0 before there is one.
func (f *Follower) Generation() Generation {
	g, _, _ := f.tracker.get()
	return g
}

// Position is how far the read models are known to have come.
func (f *Follower) Position() eventstore.Position {
	_, at, _ := f.tracker.get()
	return at
}

// WaitFor returns when reads see every event at or before the position, or with ctx's error.
func (f *Follower) WaitFor(ctx context.Context, at eventstore.Position) error {
	ticker := time.NewTicker(followBusy)
	defer ticker.Stop()
	for {
		g, have, moved := f.tracker.get()
		if g != 0 && have >= at {
			return nil
		}
		select {
		case f.wanted <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Fresh is WaitFor: what a projector elsewhere has not written can't be asked for.
func (f *Follower) Fresh(ctx context.Context, least eventstore.Position) error {
	return f.WaitFor(ctx, least)
}

// followArchive is how often it is looked how far the archive is, while somebody waits for it.
const followArchive = 200 * time.Millisecond

// Archived is how far the tables that keep what every event said are known to have come: the last checkpoint covers them. It
// waits until that is at least least, which takes a projector elsewhere some seconds while events keep coming. Errors: ctx's, or
// the driver's.
func (f *Follower) Archived(ctx context.Context, least eventstore.Position) (eventstore.Position, error) {
	ticker := time.NewTicker(followArchive)
	defer ticker.Stop()
	for {
		if g := f.Generation(); g != 0 {
			at, err := readCheckpoint(ctx, f.conn, g)
			if err != nil || at >= least {
				return at, err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Completed knows nothing: this node keeps no transactions in memory.
func (f *Follower) Completed(string, eventstore.Position) (Transaction, bool) {
	return Transaction{}, false
}
