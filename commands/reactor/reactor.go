package reactor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/reaction"
	"github.com/benfex/kipay/eventstore"
)

// checkpointEvery is how often checkpoints are written, if they moved.
const checkpointEvery = 10 * time.Second

// resubscribeAfter is how long a lost subscription is left alone.
const resubscribeAfter = time.Second

// Options are what a reactor is made of.
type Options struct {
	Write  *commands.WriteSide
	Log    *eventstore.Log
	Logger zerolog.Logger
	// FirstQuery is when a push is first asked after; Backoff the pauses after that, the last one repeated.
	FirstQuery time.Duration
	Backoff    []time.Duration
	// DisputePoll is how often the card provider is asked for disputes, and how each stands that hasn't ended.
	DisputePoll time.Duration
	// PullEvery is how often M-Pesa is asked for the payments of channels that are to be pulled; 0 is never.
	PullEvery time.Duration
}

// Reactor sets off what is due.
type Reactor struct {
	Options
	queue    *queue
	watch    *source
	expiry   *source
	disputes *source
	due      deadlines
	funds    *fundsCounter
}

// New is a reactor. Run starts it.
func New(o Options) *Reactor {
	if o.FirstQuery == 0 {
		o.FirstQuery = 20 * time.Second
	}
	if len(o.Backoff) == 0 {
		o.Backoff = []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}
	}
	if o.DisputePoll == 0 {
		o.DisputePoll = time.Hour
	}
	return &Reactor{
		Options: o, queue: newQueue(o.Log.Now), watch: &source{name: "watch"}, expiry: &source{name: "expiry"}, disputes: &source{name: "disputes"},
		funds: newFundsCounter(),
	}
}

// PendingPushes is how many pushes have no final answer yet.
func (r *Reactor) PendingPushes() int { return r.queue.waiting(kindPush) }

// OldestPush is how long the oldest push without a final answer has waited, zero when none waits.
func (r *Reactor) OldestPush() time.Duration { return r.age(kindPush) }

// PendingRefunds is how many refunds have no final answer yet.
func (r *Reactor) PendingRefunds() int { return r.queue.waiting(kindRefund) }

// OldestRefund is how long the oldest of them has waited, zero when none waits.
func (r *Reactor) OldestRefund() time.Duration { return r.age(kindRefund) }

func (r *Reactor) age(k kind) time.Duration {
	since := r.queue.oldest(k)
	if since.IsZero() {
		return 0
	}
	return max(0, r.Log.Now().Sub(since))
}

// Run reacts until ctx ends.
func (r *Reactor) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.follow(ctx, r.watch, r.onEvent) })
	g.Go(func() error { return r.follow(ctx, r.expiry, r.onInitialized) })
	g.Go(func() error { return r.follow(ctx, r.disputes, r.onDispute) })
	g.Go(func() error { return r.findDisputes(ctx) })
	g.Go(func() error { return r.pullPayments(ctx) })
	g.Go(func() error { return r.follow(ctx, r.funds.source, r.onPayment) })
	for range workers {
		g.Go(func() error { return r.queue.work(ctx, r.failed) })
	}
	g.Go(func() error { return r.writeCheckpoints(ctx) })
	g.Go(func() error { return r.carryOutErasures(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (r *Reactor) failed(t *task, err error) {
	ev := r.Logger.Warn()
	if t.failures > 3 {
		ev = r.Logger.Error()
	}
	ev.Str("reactor", t.source.name).Uint64("position", uint64(t.position)).Int("failures", t.failures).Err(err).Msg("reaction failed; it is tried again")
}

// follow reads the log from the source's checkpoint on, again and again when the subscription is lost.
func (r *Reactor) follow(ctx context.Context, s *source, on func(context.Context, eventstore.Record) error) error {
	for {
		err := r.followOnce(ctx, s, on)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Logger.Warn().Str("reactor", s.name).Err(err).Msg("the log can't be followed; trying again")
		select {
		case <-time.After(resubscribeAfter):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Reactor) followOnce(ctx context.Context, s *source, on func(context.Context, eventstore.Record) error) error {
	s.mu.Lock()
	from := s.seen
	s.mu.Unlock()
	if from == 0 {
		at, err := commands.Fold[reaction.State](ctx, r.Write, reaction.Stream(s.name))
		if err != nil {
			return err
		}
		from = eventstore.Position(at.State.Position)
		s.read(from)
	}
	sub, err := r.Log.Store().Subscribe(ctx, from)
	if err != nil {
		return fmt.Errorf("subscribe from %d: %w", from, err)
	}
	defer func() { _ = sub.Close() }()
	for {
		batch, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		for _, rec := range batch.Records {
			if err := on(ctx, rec); err != nil {
				return err
			}
			s.read(rec.Position)
		}
		s.read(batch.Checkpoint)
	}
}

func (r *Reactor) writeCheckpoints(ctx context.Context) error {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, s := range []*source{r.watch, r.expiry, r.disputes} {
			p, worth := s.checkpoint()
			if !worth || p == 0 {
				continue // nothing that matters happened: an idle install writes nothing
			}
			if _, err := commands.Handle[reaction.State](ctx, r.Write, reaction.Stream(s.name), reaction.Checkpoint{Checkpointed: reaction.Checkpointed{
				Reactor: s.name, Position: uint64(p), At: r.Log.Now(),
			}}, by(s.name, "")); err != nil {
				r.Logger.Warn().Str("reactor", s.name).Err(err).Msg("checkpoint not written")
				continue
			}
			s.checkpointed()
		}
		if err := r.countFunds(ctx); err != nil {
			r.Logger.Warn().Str("reactor", r.funds.source.name).Err(err).Msg("what can be paid out not counted; it is tried again")
		}
	}
}

// by is who a reaction is done by, and which event set it off.
func by(name, cause string) commands.By {
	return commands.By{Actor: "reactor:" + name, Causation: cause, Correlation: cause}
}
