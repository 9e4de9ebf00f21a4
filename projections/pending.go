package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A part of a MergeTree table is a folder of files: to make one costs the engine some 20 ms of processor, merging included,
// however few rows are in it, and lists want new rows many times a second. So where the engine is ours alone, the tables
// that lists read have a Buffer table in front, `pending_…`, that holds new rows in the engine's memory and shows them
// together with the table's own; each checkpoint moves them over.
//
// What is in memory is gone when the engine stops. So a checkpoint is only stored after they were moved, and a projector
// that finds the engine started anew goes back to the checkpoint (errRestarted). Until it has, it says that nothing is
// served. A read that was under way while rows moved may have missed them and is done again, with moves held off (Reader.on).

// pendingPrefix begins the name of a Buffer table.
const pendingPrefix = "pending_"

// pendingTables are the tables that have a Buffer table in front. Reads of both cope with several versions of a row
// without FINAL, which a Buffer table does not know.
var pendingTables = []string{"transactions", "counters"}

// throughPending marks a generation whose pending tables are read and written.
const throughPending Generation = 1 << 31

// plain is the generation without the mark.
func (g Generation) plain() Generation { return g &^ throughPending }

// errRestarted: the engine was started anew and has lost what was pending.
var errRestarted = errors.New("the engine was started anew; what it held in memory is projected again")

// buffered tells whether rows go through pending tables.
func (p *Projector) buffered() bool { return p.options.Sync != nil && p.options.Incarnation != nil }

// marked is the generation as lists read and write it.
func (p *Projector) marked(g Generation) Generation {
	if g != 0 && p.buffered() {
		return g | throughPending
	}
	return g
}

// reading is the generation that serves, as lists read it.
func (p *Projector) reading() Generation { return p.marked(p.Generation()) }

// lost tells whether the engine was started anew since the lane was opened.
func (p *Projector) lost() bool {
	return p.buffered() && int64(p.options.Incarnation()) != p.incarnation.Load()
}

// makePending makes the generation's pending tables. Their own limits are never reached: checkpoints move the rows.
func (p *Projector) makePending(ctx context.Context, g Generation) error {
	if !p.buffered() {
		return nil
	}
	for _, name := range pendingTables {
		table := name + g.suffix()
		// One layer: rows that were inserted earlier are never moved later.
		if err := p.conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS kipay."+pendingPrefix+table+" AS kipay."+table+
			" ENGINE = Buffer(kipay, "+table+", 1, 86400, 86400, 1000000000, 1000000000, 100000000000, 100000000000)"); err != nil {
			return fmt.Errorf("make the pending table of %s: %w", table, err)
		}
	}
	return nil
}

// wholeMove is the weight of a move of pending rows; a read that must not meet one weighs 1.
const wholeMove = 1 << 30

// unmoved asks while no pending rows are moved: it waits for a move that is under way, and the next one waits for it.
func (p *Projector) unmoved(ctx context.Context, ask func() error) error {
	if !p.buffered() {
		return ask()
	}
	if err := p.moving.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait until pending rows are moved: %w", err)
	}
	defer p.moving.Release(1)
	return ask()
}

// movePending moves the rows in memory into their tables.
func (p *Projector) movePending(ctx context.Context, g Generation) error {
	if !p.buffered() {
		return nil
	}
	if err := p.moving.Acquire(ctx, wholeMove); err != nil {
		return fmt.Errorf("wait for reads before moving pending rows: %w", err)
	}
	defer p.moving.Release(wholeMove)
	p.moves.Add(1)
	defer p.moves.Add(1)
	for _, name := range pendingTables {
		if err := p.conn.Exec(ctx, "OPTIMIZE TABLE kipay."+pendingPrefix+name+g.suffix()); err != nil {
			return fmt.Errorf("move pending %s: %w", name, err)
		}
	}
	if p.lost() {
		return errRestarted
	}
	return nil
}

// pendingMoves counts the beginnings and ends of moves of pending rows (odd while one is under way), and the starts of the
// engine.
func (p *Projector) pendingMoves() (moves uint64, engine int) {
	if !p.buffered() {
		return 0, 0
	}
	return p.moves.Load(), p.options.Incarnation()
}

// pendingFirst orders tables so that Buffer tables are dropped before those that they move rows to.
func pendingFirst(tables []string) {
	slices.SortStableFunc(tables, func(a, b string) int {
		switch x, y := strings.HasPrefix(a, pendingPrefix), strings.HasPrefix(b, pendingPrefix); {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		return 0
	})
}

// restartCheck is how often a waiter looks whether a lost engine's projection has been taken up again.
const restartCheck = 20 * time.Millisecond

// waitThrough waits for the position, also across a restart of the engine.
func (p *Projector) waitThrough(ctx context.Context, wait func(context.Context) error) error {
	for {
		if !p.lost() {
			if err := wait(ctx); err != nil || !p.lost() {
				return err
			}
		}
		select {
		case <-time.After(restartCheck):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
