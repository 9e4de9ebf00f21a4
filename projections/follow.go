package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/eventstore"
)

const (
	// generationCheck is how often the loop looks whether another process made another generation serve.
	generationCheck = 5 * time.Second
	// engineCheck is how often it looks whether the engine was started anew, also when no event comes: until it has
	// noticed, lists are not answered.
	engineCheck = 200 * time.Millisecond
)

// handoff asks the loop to go on with another generation. do is called when all that was read is written, with the
// position that reads see; it brings the other generation at least that far and makes it serve.
type handoff struct {
	do   func(ctx context.Context, at eventstore.Position) (*lane, error)
	done chan error // takes one
}

// follower is the loop of one generation. While one batch is written the next one fills; the archive is written at its
// own, slower pace.
type follower struct {
	p    *Projector
	lane *lane

	filling, spare *batch
	writing        *batch // nil while nothing is written
	archiving      *archive
	spareArchive   *archive
	waiting        []eventstore.Record
	fault          error // why nothing more is read; it ends the loop once all is written
	asked          *handoff

	wrote    chan error
	archived chan error
	stored   chan error

	flushed    time.Time // when the last write began
	archivedAt time.Time // when the last write of an archive began
	// kept is how far both the batches and the archives are in the tables, checkpoint what is stored of that.
	kept, checkpoint eventstore.Position
	filed            eventstore.Position // how far the archives are
	storing          eventstore.Position // by the checkpoint that is on its way
	erased           []erasure           // whose rows are to be emptied before the next checkpoint
	purging          int                 // how many of them the checkpoint on its way has emptied
	hurry            bool                // there are new ones
	busy             bool                // a checkpoint, or a look for another generation, is on its way
	storedAt         time.Time
	lookedAt         time.Time
	teller           teller
}

// follow keeps the lane's generation up to date until ctx ends, something fails, or another generation takes over,
// which it returns.
func (p *Projector) follow(ctx context.Context, l *lane) (*lane, error) {
	sub, err := p.log.Store().Subscribe(ctx, l.position)
	if err != nil {
		return nil, fmt.Errorf("subscribe after position %d: %w", l.position, err)
	}
	inner, cancel := context.WithCancel(ctx)
	f := &follower{
		p: p, lane: l, filling: newBatch(), spare: newBatch(), spareArchive: newArchive(), wrote: make(chan error, 1),
		archived: make(chan error, 1), stored: make(chan error, 1), kept: l.position, checkpoint: l.position, lookedAt: p.options.Now(),
	}
	f.spare.archive = nil
	f.teller = teller{told: l.position, done: make(chan error, 1)}
	incoming, failed := make(chan eventstore.Batch, 4), make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failed <- pump(inner, sub, incoming)
	}()
	next, err := f.loop(ctx, inner, incoming, failed)
	f.keepCheckpoint(ctx)
	cancel()
	f.settle()
	_ = sub.Close()
	<-ended
	if f.asked != nil && next == nil {
		f.asked.done <- errors.New("the projection stopped before the other generation could take over")
	}
	p.oldest.Store(0)
	return next, err
}

// pump passes on what the subscription delivers.
func pump(ctx context.Context, sub eventstore.Subscription, to chan<- eventstore.Batch) error {
	for {
		b, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *follower) loop(ctx, inner context.Context, incoming <-chan eventstore.Batch, failed <-chan error) (*lane, error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if f.p.lost() {
			return nil, errRestarted
		}
		f.fill(inner)
		wake := f.start(inner)
		if f.writing == nil && f.filling.count == 0 {
			if f.fault != nil && f.archiving == nil && f.filling.archive.count == 0 {
				return nil, f.fault
			}
			if f.asked != nil {
				h := f.asked
				f.asked = nil
				next, err := h.do(ctx, f.lane.position)
				h.done <- err
				if err == nil {
					return next, nil
				}
			}
		}
		timer.Reset(wake)
		in, handoffs := incoming, f.p.handoffs
		if f.fault != nil || f.asked != nil || len(f.waiting) > 0 {
			in, handoffs = nil, nil
		}
		select {
		case b := <-in:
			if b.CaughtUp && len(b.Records) == 0 {
				f.p.goesOn()
			}
			f.waiting = b.Records
		case f.asked = <-handoffs:
		case <-f.p.wanted:
		case err := <-failed:
			if f.fault == nil {
				f.fault = fmt.Errorf("follow the log: %w", err)
			}
		case err := <-f.wrote:
			if err := f.finish(err); err != nil {
				return nil, err
			}
		case err := <-f.archived:
			if err := f.file(err); err != nil {
				return nil, err
			}
		case err := <-f.teller.done:
			f.tellEnded(inner, err)
		case err := <-f.stored:
			if err := f.keep(inner, err); err != nil {
				return nil, err
			}
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// fill adds what waits to the batch, as far as it takes it.
func (f *follower) fill(ctx context.Context) {
	if len(f.waiting) == 0 {
		return
	}
	defer f.filled()
	for len(f.waiting) > 0 && f.fault == nil && !f.filling.full() {
		d, err := f.p.decoder.decode(ctx, &f.waiting[0])
		if err == nil {
			err = f.lane.builder.add(ctx, &d, f.filling)
		}
		if err != nil {
			f.fault = err
			return
		}
		if f.p.oldest.Load() == 0 {
			f.p.oldest.Store(f.filling.recorded[0].UnixNano())
		}
		f.waiting = f.waiting[1:]
	}
}

// filled tells who asks for completed transactions how far the batch has come, and notes how long its newest events took
// to get there.
func (f *follower) filled() {
	b := f.filling
	if b.count == 0 {
		return
	}
	f.p.built.Store(uint64(b.last))
	now := f.p.options.Now()
	for _, at := range b.recorded[len(b.waited):] {
		b.waited = append(b.waited, now.Sub(at))
	}
}

// start begins the write or the checkpoint that is due, and answers when to look again.
func (f *follower) start(ctx context.Context) (wake time.Duration) {
	now := f.p.options.Now()
	wake = generationCheck
	if f.p.buffered() {
		wake = engineCheck
	}
	if f.writing == nil && f.filling.count > 0 {
		interval := f.p.options.Interval
		if f.p.demanding.Load() > 0 {
			interval = min(interval, demandInterval)
		}
		due := f.flushed.Add(interval)
		if wait := due.Sub(now); wait > 0 && !f.filling.full() && f.fault == nil && f.asked == nil {
			wake = min(wake, wait)
		} else {
			f.flush(ctx, now)
		}
	}
	wake = f.tell(ctx, now, wake)
	// An archive is written up to what is in the batches before: the checkpoint covers both.
	// It does not compete with a move of pending rows, nor its tables with each other: lists come first.
	if a := f.filling.archive; f.archiving == nil && !f.busy && a.count > 0 && f.filling.count == 0 {
		interval := archiveEvery
		if f.p.demandingArchive.Load() > 0 {
			interval = archiveDemandInterval
		}
		due := f.archivedAt.Add(interval)
		if wait := due.Sub(now); wait > 0 && !a.full() && f.fault == nil {
			wake = min(wake, wait)
		} else {
			f.keepArchive(ctx, now)
		}
	}
	if f.busy || f.archiving != nil {
		return wake
	}
	if f.kept > f.checkpoint {
		due := f.storedAt.Add(checkpointEvery)
		if wait := due.Sub(now); wait > 0 && !f.hurry {
			return min(wake, wait)
		}
		f.store(ctx, now)
	} else if !f.p.buffered() && now.Sub(f.lookedAt) >= generationCheck {
		f.store(ctx, now) // on a server others may swap the tables while nothing happens here
	}
	return wake
}

func (f *follower) flush(ctx context.Context, now time.Time) {
	b := f.filling
	b.seal(f.lane.builder)
	f.filling, f.writing, f.flushed = f.spare, b, now
	f.filling.archive, b.archive = b.archive, nil
	go func() {
		f.wrote <- f.p.insert(ctx, b.filled(), b.span, f.lane.generation)
	}()
}

// keepArchive begins to write what is archived, while the next one fills.
func (f *follower) keepArchive(ctx context.Context, now time.Time) {
	a := f.filling.archive
	f.filling.archive, f.archiving, f.archivedAt = f.spareArchive, a, now
	go func() {
		var err error
		for _, t := range a.filled() {
			if err == nil {
				err = f.p.write(ctx, []*table{t}, f.lane.generation, a.span, f.p.failed)
			}
		}
		f.archived <- err
	}()
}

// file takes in the end of the write of an archive.
func (f *follower) file(err error) error {
	a := f.archiving
	f.archiving = nil
	if err != nil {
		return err
	}
	f.filed = a.last
	a.reset()
	f.spareArchive = a
	f.advanced()
	return nil
}

// advanced takes in that batches or archives have come further.
func (f *follower) advanced() {
	if kept := min(f.filed, f.lane.position); kept > f.kept {
		f.kept = kept
		f.p.archived.set(f.lane.generation, kept)
	}
}

// finish takes in the end of a write.
func (f *follower) finish(err error) error {
	b := f.writing
	f.writing = nil
	if err == nil && f.p.lost() {
		err = errRestarted
	}
	if err != nil {
		return err
	}
	f.lane.position = b.last
	f.lane.builder.tally.written.Store(b.tallied)
	f.erased, f.hurry = append(f.erased, b.erased...), f.hurry || len(b.erased) > 0
	f.p.tracker.set(f.lane.generation, b.last)
	f.advanced()
	f.p.goesOn()
	now := f.p.options.Now()
	f.p.metrics.wrote(b, now, now.Sub(f.flushed), f.p.buffered())
	if misses := f.lane.builder.folds.misses; misses > 0 {
		f.p.metrics.refolds.Add(float64(misses))
		f.lane.builder.folds.misses = 0
	}
	b.reset()
	f.spare = b
	if f.filling.count > 0 {
		f.p.oldest.Store(f.filling.recorded[0].UnixNano())
	} else {
		f.p.oldest.Store(0)
	}
	return nil
}

// store begins to store a checkpoint, unless it is stored already, and now and then to look whether the generation still
// serves.
func (f *follower) store(ctx context.Context, now time.Time) {
	at, stored := f.kept, f.checkpoint
	f.storing, f.busy, f.storedAt = at, true, now
	erased := f.erased // those whose rows are all written, the archived ones too
	for i := range erased {
		if erased[i].at > at {
			erased = erased[:i:i]
			break
		}
	}
	f.purging, f.hurry = len(erased), len(erased) < len(f.erased)
	look := now.Sub(f.lookedAt) >= generationCheck
	if look {
		f.lookedAt = now
	}
	go func() {
		err := f.p.purge(ctx, f.lane.generation, erased)
		if err == nil && at > stored {
			err = f.p.storeCheckpoint(ctx, f.lane.generation, at)
		}
		if err == nil && look {
			var g Generation
			if g, _, err = servingGeneration(ctx, f.p.conn); err == nil && g != f.lane.generation {
				err = fmt.Errorf("%w: %d", errMoved, g)
			}
		}
		f.stored <- err
	}()
}

// keep takes in the end of a checkpoint. One that failed is stored again soon.
func (f *follower) keep(ctx context.Context, err error) error {
	f.busy = false
	switch {
	case err == nil:
		f.checkpoint, f.erased = f.storing, f.erased[f.purging:]
		f.p.purged.set(f.lane.generation, f.checkpoint)
		if f.writing == nil {
			f.p.goesOn()
		}
	case errors.Is(err, errMoved) || errors.Is(err, errRestarted) || errors.Is(err, errUnsure) || isUnknownTable(err):
		return err
	case ctx.Err() == nil:
		f.p.failed(err)
	}
	return nil
}

// keepCheckpoint stores the last checkpoint of a loop that ends, if it can be done soon.
func (f *follower) keepCheckpoint(ctx context.Context) {
	if f.kept <= f.checkpoint || len(f.erased) > 0 || f.p.Ready() != nil || f.p.lost() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := f.p.storeCheckpoint(ctx, f.lane.generation, f.kept); err != nil && !isUnknownTable(err) {
		f.p.logger.Warn().Err(err).Msg("the last checkpoint was not stored; what it covers is written again")
	}
}

// settle waits until nothing of the loop runs any more.
func (f *follower) settle() {
	if f.writing != nil {
		<-f.wrote
	}
	if f.archiving != nil {
		<-f.archived
	}
	if f.busy {
		<-f.stored
	}
	if f.teller.busy {
		<-f.teller.done
	}
}
