package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/benfex/kipay/eventstore"
)

const (
	// groupEvents and groupBytes bound what neighbours of one stream are put together into one append (one event at
	// least).
	groupEvents = 256
	groupBytes  = 256 << 10
	// begunAppends and begunBytes bound what a store is given before it has answered.
	begunAppends = 2048
	begunBytes   = 16 << 20
)

// appender appends events in order, many at a time where the store keeps the order nevertheless.
type appender struct {
	to eventstore.Store
	// ordered is the same store when it does; else nil, and each append is waited for. line is where appends are begun, nil
	// until there is one and when it is lost.
	ordered eventstore.OrderedAppender
	line    eventstore.OrderedAppends
	// acknowledged is told of each append that was.
	acknowledged func(events uint64, at eventstore.Position)

	group group
	begun []begun
	bytes int
	last  eventstore.Position
}

// group is one append.
type group struct {
	stream string
	first  eventstore.Revision
	events []eventstore.NewEvent
	bytes  int
}

// begun is an append that is under way.
type begun struct {
	group
	wait func(context.Context) (eventstore.Appended, error)
}

func newAppender(to eventstore.Store, acknowledged func(uint64, eventstore.Position)) *appender {
	a := &appender{to: to, acknowledged: acknowledged}
	a.ordered, _ = to.(eventstore.OrderedAppender)
	return a
}

// add appends the event, or puts it to its neighbour of the same stream that is to be appended with it.
func (a *appender) add(ctx context.Context, r *eventstore.Record) error {
	size := len(r.Type) + len(r.Data) + len(r.Metadata)
	if !a.group.takes(r, size) {
		if err := a.begin(ctx); err != nil {
			return err
		}
		a.group = group{stream: r.Stream, first: r.Revision}
	}
	a.group.events = append(a.group.events, eventstore.NewEvent{ID: r.ID, Type: r.Type, Data: r.Data, Metadata: r.Metadata})
	a.group.bytes += size
	return nil
}

// takes tells that the event follows those in the group and has room there.
func (g *group) takes(r *eventstore.Record, size int) bool {
	if len(g.events) == 0 || r.Stream != g.stream || r.Revision != g.first+eventstore.Revision(len(g.events)) ||
		len(g.events) >= groupEvents || g.bytes+size > groupBytes {
		return false
	}
	for i := range g.events {
		if g.events[i].ID == r.ID {
			return false // the store decides what to think of it
		}
	}
	return true
}

// begin begins the append of the group, and waits until there is room for another one.
func (a *appender) begin(ctx context.Context) error {
	g := a.group
	a.group = group{}
	if len(g.events) == 0 {
		return nil
	}
	if a.ordered == nil {
		done, err := a.to.Append(ctx, g.stream, g.first-1, g.events...)
		return a.settle(&g, done, err)
	}
	if err := a.submit(ctx, g); err != nil {
		return err
	}
	for len(a.begun) > begunAppends || a.bytes > begunBytes {
		if err := a.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// submit begins the appends of the groups, in their order.
func (a *appender) submit(ctx context.Context, groups ...group) error {
	for i, g := range groups {
		wait, err := a.tryBegin(ctx, &g)
		if isAway(ctx, err) {
			return a.again(ctx, append(a.underWay(ctx), groups[i:]...))
		}
		if err != nil {
			return a.settle(&g, eventstore.Appended{}, err)
		}
		a.begun = append(a.begun, begun{g, wait})
		a.bytes += g.bytes
	}
	return nil
}

func (a *appender) tryBegin(ctx context.Context, g *group) (_ func(context.Context) (eventstore.Appended, error), err error) {
	if a.line == nil {
		if a.line, err = a.ordered.InOrder(ctx); err != nil {
			return nil, err
		}
	}
	return a.line.BeginAppend(ctx, g.stream, g.first-1, g.events...)
}

// isAway tells that a store may be there again, with an outcome that is unknown until then.
func isAway(ctx context.Context, err error) bool {
	return errors.Is(err, eventstore.ErrUnavailable) && ctx.Err() == nil
}

// await waits for the oldest append under way.
func (a *appender) await(ctx context.Context) error {
	b := a.begun[0]
	a.begun[0] = begun{}
	a.begun = a.begun[1:]
	a.bytes -= b.bytes
	done, err := b.wait(ctx)
	if isAway(ctx, err) {
		return a.again(ctx, append([]group{b.group}, a.underWay(ctx)...))
	}
	return a.settle(&b.group, done, err)
}

// underWay takes the appends that were begun, once none of them is under way any more.
func (a *appender) underWay(ctx context.Context) []group {
	var open []group
	for _, b := range a.begun {
		_, _ = b.wait(ctx)
		open = append(open, b.group)
	}
	a.begun, a.bytes, a.line = nil, 0, nil
	return open
}

// again makes appends again whose outcome is unknown, in the order in which they were begun. Each happens once, and the order
// holds: of those begun before, the first ones were carried out, and may still be, in this order as well; a store that did
// otherwise is told by the positions. The first one waits for a store that is away, as long as the store's patience is.
func (a *appender) again(ctx context.Context, open []group) error {
	done, err := a.to.Append(ctx, open[0].stream, open[0].first-1, open[0].events...)
	if err := a.settle(&open[0], done, err); err != nil {
		return err
	}
	return a.submit(ctx, open[1:]...)
}

// settle takes the outcome of an append in.
func (a *appender) settle(g *group, done eventstore.Appended, err error) error {
	last := g.first + eventstore.Revision(len(g.events)) - 1
	var wrong *eventstore.WrongRevisionError
	switch {
	case errors.As(err, &wrong):
		return &ConflictError{
			Stream: g.stream, Revision: g.first, ID: g.events[0].ID,
			Reason: fmt.Sprintf("the file goes on there, and the target's stream is at revision %d: does somebody write to it?", wrong.Actual),
		}
	case err != nil:
		return fmt.Errorf("append to %s at revision %d: %w", g.stream, g.first, err)
	case done.Revision != last || done.Position <= a.last:
		return fmt.Errorf("%w: %s at revision %d came to position %d, and what stands before it in the file to %d: empty the target "+
			"and import again, waiting for each append (--one-by-one)", ErrOrder, g.stream, done.Revision, done.Position, a.last)
	}
	a.last = done.Position
	a.acknowledged(uint64(len(g.events)), done.Position)
	return nil
}

// flush appends what is left and waits for everything.
func (a *appender) flush(ctx context.Context) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	for len(a.begun) > 0 {
		if err := a.await(ctx); err != nil {
			return err
		}
	}
	return nil
}
