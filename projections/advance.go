package projections

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

const (
	// advanceChunk is how many events are read and decoded as one piece.
	advanceChunk = 2048
	// advanceBatches is how many batches go round between building and writing.
	advanceBatches = 3
)

// chunk is a piece of the log, decoded.
type chunk struct {
	events []decoded
	err    error
}

// advance brings a lane that nobody follows to the position exactly: it reads, decodes, builds and writes at the same
// time. wrote is told of every batch that is in the tables.
func (p *Projector) advance(ctx context.Context, l *lane, to eventstore.Position, wrote func(events int, at eventstore.Position)) error {
	if l.position >= to {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	chunks := make(chan chan chunk, workers+1)
	free, ready := make(chan *batch, advanceBatches), make(chan *batch, 1)
	for range advanceBatches {
		free <- newBatch()
	}
	group.Go(func() error {
		defer close(chunks)
		return p.readChunks(ctx, l.position, to, workers, chunks)
	})
	group.Go(func() error {
		defer close(ready)
		return buildBatches(ctx, l.builder, chunks, free, ready)
	})
	group.Go(func() error {
		for b := range ready {
			if err := p.write(ctx, append(b.filled(), b.archive.filled()...), l.generation, b.span, p.retried); err != nil {
				return err
			}
			if err := retry(ctx, func() error { return p.purge(ctx, l.generation, b.erased) }, p.retried); err != nil {
				return err
			}
			l.builder.tally.written.Store(b.tallied)
			wrote(b.count, b.last)
			b.reset()
			b.archive.reset()
			free <- b
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		// What was built and not written is lost: the states are ahead of the tables.
		l.builder.forget()
		return err
	}
	l.position = to
	return nil
}

// readChunks reads the log in order and decodes several pieces at the same time.
func (p *Projector) readChunks(ctx context.Context, from, to eventstore.Position, workers int, out chan<- chan chunk) error {
	slots := make(chan struct{}, workers)
	for from < to {
		records, err := p.log.Store().ReadAll(ctx, from, eventstore.Forward, advanceChunk)
		if err != nil {
			return fmt.Errorf("read the log after position %d: %w", from, err)
		}
		for len(records) > 0 && records[len(records)-1].Position > to {
			records = records[:len(records)-1]
		}
		if len(records) == 0 {
			return nil
		}
		from = records[len(records)-1].Position
		done := make(chan chunk, 1)
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		go func() {
			done <- p.decodeChunk(ctx, records)
			<-slots
		}()
		select {
		case out <- done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p *Projector) decodeChunk(ctx context.Context, records []eventstore.Record) chunk {
	c := chunk{events: make([]decoded, 0, len(records))}
	for i := range records {
		d, err := p.decoder.decode(ctx, &records[i])
		if err != nil {
			c.err = err
			return c
		}
		c.events = append(c.events, d)
	}
	return c
}

func buildBatches(ctx context.Context, by *builder, chunks <-chan chan chunk, free <-chan *batch, ready chan<- *batch) error {
	take := func() (*batch, error) {
		select {
		case b := <-free:
			return b, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	give := func(b *batch) error {
		b.seal(by)
		select {
		case ready <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b, err := take()
	if err != nil {
		return err
	}
	for next := range chunks {
		var c chunk
		select {
		case c = <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
		for i := range c.events {
			if err := by.add(ctx, &c.events[i], b); err != nil {
				return err
			}
		}
		if c.err != nil {
			return c.err
		}
		if b.full() {
			if err := give(b); err != nil {
				return err
			}
			if b, err = take(); err != nil {
				return err
			}
		}
	}
	if b.count > 0 {
		return give(b)
	}
	return nil
}

// Progress is how far a rebuild or a verification has come.
type Progress struct {
	// Stage is what is being done, for people: "building", "comparing transactions".
	Stage string
	// Events is how many were handled; Done and Total are positions in the log.
	Events      uint64
	Done, Total eventstore.Position
	// PerSecond is the rate since the start.
	PerSecond float64
}

// meter turns batches written into progress.
type meter struct {
	started time.Time
	now     func() time.Time
	events  uint64
	total   eventstore.Position
	report  func(Progress)
}

func (m *meter) wrote(events int, at eventstore.Position) {
	m.events += uint64(events)
	pr := Progress{Stage: "building", Events: m.events, Done: at, Total: max(m.total, at)}
	if s := m.now().Sub(m.started).Seconds(); s > 0 {
		pr.PerSecond = float64(m.events) / s
	}
	m.report(pr)
}
