package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/benfex/kipay/eventstore"
)

// Projector keeps the read models. Its methods may be called from any goroutine.
type Projector struct {
	options   Options
	conn      database
	log       *eventstore.Log
	logger    zerolog.Logger
	decoder   *decoder
	tracker   *tracker
	archived  *tracker // of the tables that keep every event
	purged    *tracker // of what erased customers left
	completed *completedCache
	metrics   *metrics

	// built is the position up to which completed is true and rows are built. It may be ahead of the tracker's.
	built atomic.Uint64
	// oldest is when the oldest event not yet written was recorded, in nanoseconds since 1970; 0 when there is none.
	oldest atomic.Int64
	// fault is why the projection stands still, nil while it goes.
	fault atomic.Pointer[error]

	// complained is when a failure that is tried again was last logged, in nanoseconds since 1970.
	complained atomic.Int64

	// incarnation is the engine's when the lane was opened. memories are the tables in the engine's memory, *memory by
	// Generation, and sides counts those ever made. moves counts the beginnings and ends of the emptying of sides; moving is
	// held meanwhile as a whole, and in part by what must not meet it.
	incarnation atomic.Int64
	memories    sync.Map
	sides       atomic.Uint64
	moves       atomic.Uint64
	moving      *semaphore.Weighted

	// demanding counts who waits for more than is written, demandingArchive who waits for more than is archived; wanted tells
	// the loop that there is somebody new.
	demanding, demandingArchive atomic.Int64
	wanted                      chan struct{}

	// following is held while a generation is followed, so that only one goroutine writes to it.
	following sync.Mutex
	// handoffs asks the loop to go on with another generation.
	handoffs chan *handoff
	// constructing is held while another generation is built: one at a time.
	constructing sync.Mutex
}

// New is a projector that does nothing until Run, Rebuild or Verify.
func New(options Options) (*Projector, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Projector{
		options: o, conn: database{o.Conn, o.Cluster}, log: o.Log, logger: o.Logger, decoder: newDecoder(o.Log), tracker: newTracker(),
		archived: newTracker(), purged: newTracker(), completed: newCompletedCache(o.CompletedCache), metrics: newMetrics(),
		moving: semaphore.NewWeighted(whole), handoffs: make(chan *handoff), wanted: make(chan struct{}, 1),
	}
	if err := p.metrics.register(o.Metrics); err != nil {
		return nil, fmt.Errorf("projections: metrics: %w", err)
	}
	starting := errors.New("the projection has not started")
	p.fault.Store(&starting)
	return p, nil
}

// lane is one generation as it is written: how far it has come, and what the next rows depend on.
type lane struct {
	generation Generation
	position   eventstore.Position
	builder    *builder
}

// Run migrates and then follows the log until ctx ends, whatever happens to ClickHouse or the log meanwhile: it tries
// again for ever. It returns nil.
func (p *Projector) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	beside.Go(func() { p.watchBooks(ctx) })
	beside.Go(func() { p.watchPayouts(ctx) })
	beside.Go(func() { p.watchRefunds(ctx) })
	defer beside.Wait()
	pause := pauses{}
	for ctx.Err() == nil {
		started := p.options.Now()
		err := p.serve(ctx)
		if ctx.Err() != nil {
			break
		}
		switch {
		case errors.Is(err, errRestarted) || errors.Is(err, errUnsure):
			p.logger.Info().Err(err).Msg("the projection goes back to its checkpoint")
		case errors.Is(err, errMoved) || isUnknownTable(err):
			p.logger.Info().Err(err).Msg("another generation of tables serves now")
		default:
			p.stalled(err)
			p.logger.Error().Err(err).Msg("the projection stands still and tries again")
		}
		if p.options.Now().Sub(started) > time.Minute {
			pause = pauses{}
		}
		if pause.wait(ctx) != nil {
			break
		}
	}
	return nil
}

// errMoved: somebody else made another generation serve.
var errMoved = errors.New("another generation serves")

// serve follows the log with the generation that serves, and with each that takes over.
func (p *Projector) serve(ctx context.Context) error {
	if err := migrate(ctx, p.conn); err != nil {
		return err
	}
	p.following.Lock()
	defer p.following.Unlock()
	if p.buffered() {
		if engine := int64(p.options.Incarnation()); engine != p.incarnation.Load() {
			p.tracker.set(0, 0) // nothing is served until the lane is opened again
			p.incarnation.Store(engine)
		}
	}
	l, err := p.openLane(ctx)
	if err != nil {
		return err
	}
	if err := p.prepare(ctx, l.generation); err != nil {
		return err
	}
	for {
		p.tracker.set(l.generation, l.position)
		p.archived.set(l.generation, l.position)
		p.purged.set(l.generation, l.position)
		p.metrics.position.Set(float64(l.position))
		p.built.Store(uint64(l.position))
		next, err := p.follow(ctx, l)
		if err != nil {
			return err
		}
		l = next
	}
}

// openLane takes up the serving generation where its checkpoint says. Tables of an older layout are built anew first.
func (p *Projector) openLane(ctx context.Context) (*lane, error) {
	g, built, err := servingGeneration(ctx, p.conn)
	if err != nil {
		return nil, err
	}
	if built < layout {
		p.logger.Info().Uint32("layout", built).Uint32("needed", layout).Msg("the tables are of an older layout and are built anew")
		return p.construct(ctx, func(Progress) {})
	}
	if err := ensureViews(ctx, p.conn, g); err != nil {
		return nil, err
	}
	at, err := readCheckpoint(ctx, p.conn, g)
	if err != nil {
		return nil, err
	}
	head, err := p.log.Store().Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the head of the log: %w", err)
	}
	if at > head {
		return nil, fmt.Errorf("the read models are at position %d and the log ends at %d: was it restored from an older backup? Rebuild", at, head)
	}
	if err := p.sameLog(ctx, g, at); err != nil {
		return nil, err
	}
	// What was completed before is forgotten: it may have been evicted for reasons that this run has not seen.
	p.completed.rows.Purge()
	return p.newLane(g, at, at == 0, p.completed), nil
}

func (p *Projector) newLane(g Generation, at eventstore.Position, empty bool, completed *completedCache) *lane {
	return &lane{generation: g, position: at, builder: newBuilder(p.log, p.options.States, newTally(p.conn, p.marked(g), empty, p.unmoved), completed)}
}

// complainEvery is how often a failure that is tried again is logged while it lasts.
const complainEvery = 10 * time.Second

// failed notes a failure of the projection that is tried again.
func (p *Projector) failed(err error) {
	p.stalled(err)
	p.retried(err)
}

// retried logs a failure that is tried again, now and then.
func (p *Projector) retried(err error) {
	now, last := p.options.Now().UnixNano(), p.complained.Load()
	if now-last >= int64(complainEvery) && p.complained.CompareAndSwap(last, now) {
		p.logger.Warn().Err(err).Msg("ClickHouse did not take what was written; it is tried again until it does")
	}
}

func (p *Projector) stalled(err error) {
	p.fault.Store(&err)
	p.metrics.stopped.Set(1)
	p.metrics.failures.Inc()
}

func (p *Projector) goesOn() {
	if p.fault.Swap(nil) != nil {
		p.metrics.stopped.Set(0)
		p.complained.Store(0)
		p.logger.Info().Msg("the projection goes on")
	}
}

// Position is how far the read models have come: lists see every event at or before it.
func (p *Projector) Position() eventstore.Position {
	if p.lost() {
		return 0
	}
	_, at, _ := p.tracker.get()
	return at
}

// Generation is the generation that reads use, 0 before there is one.
func (p *Projector) Generation() Generation {
	if p.lost() {
		return 0
	}
	g, _, _ := p.tracker.get()
	return g
}

// WaitFor returns when lists see every event at or before the position, or with ctx's error. What is not written yet is
// written for it.
func (p *Projector) WaitFor(ctx context.Context, at eventstore.Position) error {
	if at > p.Position() {
		defer p.demand(&p.demanding)()
	}
	return p.waitThrough(ctx, func(ctx context.Context) error { return p.tracker.wait(ctx, at) })
}

// demand tells the loop that somebody waits, until what it answers is called.
func (p *Projector) demand(who ...*atomic.Int64) (done func()) {
	for _, w := range who {
		w.Add(1)
	}
	select {
	case p.wanted <- struct{}{}:
	default:
	}
	return func() {
		for _, w := range who {
			w.Add(-1)
		}
	}
}

// freshWithin is how long Fresh waits for what nobody has a right to see yet.
const freshWithin = 100 * time.Millisecond

// Fresh is WaitFor, and waits a moment longer, if it must, for all that had been read of the log when it was called.
func (p *Projector) Fresh(ctx context.Context, least eventstore.Position) error {
	read := eventstore.Position(p.built.Load())
	if read > least {
		limited, cancel := context.WithTimeout(ctx, freshWithin)
		defer cancel()
		if p.WaitFor(limited, read) == nil {
			return nil
		}
	}
	return p.WaitFor(ctx, least)
}

// WaitForArchive is WaitFor for the tables that keep what every event said, events, transaction_versions and ledger_entries,
// which are written less often. What is not written yet is written for it.
func (p *Projector) WaitForArchive(ctx context.Context, at eventstore.Position) error {
	if _, have, _ := p.archived.get(); at > have {
		defer p.demand(&p.demanding, &p.demandingArchive)()
	}
	return p.archived.wait(ctx, at)
}

// Archived is how far the tables that keep what every event said have come: at least to least, for which it waits, and if
// that takes but a moment to all that had been read of the log when it was called. Errors: ctx's.
func (p *Projector) Archived(ctx context.Context, least eventstore.Position) (eventstore.Position, error) {
	if read := eventstore.Position(p.built.Load()); read > least {
		limited, cancel := context.WithTimeout(ctx, freshArchiveWithin)
		defer cancel()
		_ = p.WaitForArchive(limited, read)
	}
	if err := p.WaitForArchive(ctx, least); err != nil {
		return 0, err
	}
	_, at, _ := p.archived.get()
	return at, nil
}

// freshArchiveWithin is how long Archived waits for what nobody has a right to see yet.
const freshArchiveWithin = 500 * time.Millisecond

// Lag is how long the oldest event that reads don't see yet has been waiting, as far as this projector knows.
func (p *Projector) Lag() time.Duration {
	oldest := p.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, p.options.Now().Sub(time.Unix(0, oldest)))
}

// Ready is nil while the projection goes on, else why it does not: it has not started, ClickHouse or the log is away,
// or an event can't be decoded (*UndecodableError). Writes and callbacks don't depend on it.
func (p *Projector) Ready() error {
	if err := p.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// Completed is the transaction as it is at seen or later, when it is one of the newest completed ones. ok is false when
// it is not known to be completed: fold its stream.
func (p *Projector) Completed(reference string, seen eventstore.Position) (_ Transaction, ok bool) {
	if eventstore.Position(p.built.Load()) < seen {
		return Transaction{}, false
	}
	t, ok := p.completed.rows.Get(reference)
	if !ok {
		return Transaction{}, false
	}
	return *t, true
}
