package projections

import (
	"context"
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

// Follower tells how far the read models have come on a node that does not project: it reads the checkpoints that a
// projector elsewhere stores.
type Follower struct {
	conn    driver.Conn
	logger  zerolog.Logger
	tracker *tracker
	wanted  chan struct{}
}

var (
	_ Source = (*Follower)(nil)
	_ Source = (*Projector)(nil)
)

// NewFollower is a follower that knows nothing until Run.
func NewFollower(conn driver.Conn, logger zerolog.Logger) *Follower {
	return &Follower{conn: conn, logger: logger, tracker: newTracker(), wanted: make(chan struct{}, 1)}
}

// Run looks at the checkpoints until ctx ends, whatever happens to ClickHouse meanwhile. It returns nil.
func (f *Follower) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked time.Time
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
		looked = time.Now()
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.logger.Warn().Err(err).Msg("how far the read models are can't be read")
		}
		timer.Reset(followIdle)
	}
}

func (f *Follower) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	g, _, err := servingGeneration(ctx, f.conn)
	if err != nil {
		return err
	}
	at, err := readCheckpoint(ctx, f.conn, g)
	if err == nil {
		f.tracker.set(g, at)
	}
	return err
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

// Completed knows nothing: this node keeps no transactions in memory.
func (f *Follower) Completed(string, eventstore.Position) (Transaction, bool) {
	return Transaction{}, false
}
