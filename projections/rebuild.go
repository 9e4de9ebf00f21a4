package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// ErrBusy: a rebuild or a verification is under way already.
var ErrBusy = errors.New("a rebuild or verification is already under way")

// closeEnough is how many positions behind the log a new generation may be when it takes over; the rest is caught up
// while the old one rests.
const closeEnough = 2000

// maxCatchUps bounds the rounds of catching up before the take-over happens however far the log has run ahead.
const maxCatchUps = 20

// Rebuilt is what a rebuild did.
type Rebuilt struct {
	From, To Generation
	Events   uint64
	Position eventstore.Position
	Took     time.Duration
}

// Rebuild builds a new generation of tables from the beginning of the log, while reads and the projection go on with the
// old one, then swaps it in and drops the old one. Killed at any moment, it leaves the old one serving, and the next
// rebuild removes what it left. It may run beside Run or alone. Errors: ErrBusy.
func (p *Projector) Rebuild(ctx context.Context, progress func(Progress)) (Rebuilt, error) {
	if !p.constructing.TryLock() {
		return Rebuilt{}, ErrBusy
	}
	defer p.constructing.Unlock()
	started := p.options.Now()
	if err := migrate(ctx, p.conn); err != nil {
		return Rebuilt{}, err
	}
	old, _, err := servingGeneration(ctx, p.conn)
	if err != nil {
		return Rebuilt{}, err
	}
	out := Rebuilt{From: old}
	l, err := p.fresh(ctx)
	if err != nil {
		return out, err
	}
	out.To = l.generation
	err = p.catchUp(ctx, l, func(pr Progress) {
		out.Events = pr.Events
		progress(pr)
	})
	if err == nil {
		err = p.takeOver(ctx, l)
	}
	if err != nil {
		p.abandon(ctx, l.generation)
		return out, err
	}
	out.Position, out.Took = l.position, p.options.Now().Sub(started)
	return out, p.dropOld(ctx, old)
}

// construct builds and serves a new generation where nothing follows the old one.
func (p *Projector) construct(ctx context.Context, progress func(Progress)) (*lane, error) {
	if !p.constructing.TryLock() {
		return nil, ErrBusy
	}
	defer p.constructing.Unlock()
	l, err := p.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if err = p.catchUp(ctx, l, progress); err == nil {
		err = p.serveLane(ctx, l)
	}
	if err != nil {
		p.abandon(ctx, l.generation)
		return nil, err
	}
	l.builder.completed = p.completed
	return l, nil
}

// fresh is a lane over new, empty tables.
func (p *Projector) fresh(ctx context.Context) (*lane, error) {
	g, err := freshGeneration(ctx, p.conn)
	if err != nil {
		return nil, err
	}
	if err := p.prepare(ctx, g); err != nil {
		return nil, err
	}
	return p.newLane(g, 0, true, nil), nil
}

// catchUp brings a lane near the end of the log.
func (p *Projector) catchUp(ctx context.Context, l *lane, progress func(Progress)) error {
	m := &meter{started: p.options.Now(), now: p.options.Now, report: progress}
	for range maxCatchUps {
		head, err := p.log.Store().Head(ctx)
		if err != nil {
			return fmt.Errorf("read the head of the log: %w", err)
		}
		m.total = head
		if err := p.advance(ctx, l, head, m.wrote); err != nil {
			return err
		}
		if head, err = p.log.Store().Head(ctx); err != nil {
			return fmt.Errorf("read the head of the log: %w", err)
		}
		if head-l.position < closeEnough {
			return nil
		}
	}
	return nil
}

// takeOver makes the lane's generation serve in place of the one that does: in the loop of Run when it runs, else here.
func (p *Projector) takeOver(ctx context.Context, l *lane) error {
	h := &handoff{done: make(chan error, 1), do: func(ctx context.Context, at eventstore.Position) (*lane, error) {
		if err := p.advance(ctx, l, at, func(int, eventstore.Position) {}); err != nil {
			return nil, err
		}
		if err := p.serveLane(ctx, l); err != nil {
			return nil, err
		}
		l.builder.completed = p.completed
		return l, nil
	}}
	again := time.NewTicker(leastRetry)
	defer again.Stop()
	for {
		if p.following.TryLock() {
			defer p.following.Unlock()
			_, err := h.do(ctx, l.position)
			return err
		}
		select {
		case p.handoffs <- h:
			return <-h.done
		case <-again.C: // the loop may have ended meanwhile
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serveLane stores how far the lane has come and makes reads use it.
func (p *Projector) serveLane(ctx context.Context, l *lane) error {
	if err := p.storeCheckpoint(ctx, l.generation, l.position); err != nil {
		return err
	}
	if err := serveGeneration(ctx, p.conn, l.generation, l.position); err != nil {
		return err
	}
	p.tracker.set(l.generation, l.position)
	return nil
}

// abandon drops the tables of a generation that is not to serve, if ClickHouse lets us; the next rebuild does it otherwise.
func (p *Projector) abandon(ctx context.Context, g Generation) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
	defer cancel()
	serving, _, err := servingGeneration(ctx, p.conn)
	if err != nil || serving == g {
		return
	}
	if err := ensureViews(ctx, p.conn, serving); err != nil {
		p.logger.Warn().Err(err).Msg("the views may show the unfinished generation until the next start or rebuild")
		return
	}
	p.memories.Delete(g)
	if err := dropGeneration(ctx, p.conn, g); err != nil {
		p.logger.Warn().Err(err).Msg("the tables of the unfinished generation are left for the next rebuild to remove")
	}
}

// dropOld drops the generation that served before.
func (p *Projector) dropOld(ctx context.Context, g Generation) error {
	p.memories.Delete(g)
	if err := dropGeneration(ctx, p.conn, g); err != nil {
		return fmt.Errorf("the new generation serves; the old one could not be dropped: %w", err)
	}
	return nil
}

// catchUpAlone brings the generation that serves to the end of the log when nobody in this process follows it: after a
// crash its tables may hold more than its checkpoint says, each another part.
func (p *Projector) catchUpAlone(ctx context.Context) error {
	if !p.following.TryLock() {
		return nil
	}
	defer p.following.Unlock()
	l, err := p.openLane(ctx)
	if err != nil {
		return err
	}
	head, err := p.log.Store().Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if l.position >= head {
		return nil
	}
	if err := p.advance(ctx, l, head, func(int, eventstore.Position) {}); err != nil {
		return err
	}
	return p.storeCheckpoint(ctx, l.generation, l.position)
}
