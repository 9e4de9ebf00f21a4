package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// A part of a MergeTree table is a folder of files: to make one costs the engine some 20 ms of processor, merging included,
// however few rows are in it, and lists want new rows many times a second. So where the engine is ours alone, the tables
// that lists read have two tables in the engine's memory beside them, its sides: one takes new rows, and each checkpoint
// has the other take them from then on, copies the first into the table and empties it. Neither writes nor reads wait for
// that. The view `new_…` shows both sides; while they hold anything, lists read it together with the table.
//
// What is in memory is gone when the engine stops. So a checkpoint is only stored after the rows were copied, and a
// projector that finds the engine started anew goes back to the checkpoint (errRestarted). Until it has, it says that nothing
// is served. A read that was under way while a side was emptied may have missed its rows in both places and is done again,
// with that held off (Reader.on).

const (
	// sidePrefix begins the name of a table in memory, newPrefix that of the view of both.
	sidePrefix = "pending_"
	newPrefix  = "new_"
)

// pendingTables are the tables whose new rows wait in memory. Reads cope with several versions of a row, and with the same
// one twice, without FINAL, which tables in memory do not know.
var pendingTables = []string{"transactions", "counters"}

// besides tells whether the table, or view, stands beside one of a generation and is not one itself.
func besides(table string) bool {
	return strings.HasPrefix(table, sidePrefix) || strings.HasPrefix(table, newPrefix)
}

// withNew marks a generation that is read together with what is in memory.
const withNew Generation = 1 << 31

// plain is the generation without the mark.
func (g Generation) plain() Generation { return g &^ withNew }

var (
	// errRestarted: the engine was started anew and has lost what was pending.
	errRestarted = errors.New("the engine was started anew; what it held in memory is projected again")
	// errUnsure: a statement that removes rows from memory may still be carried out, whenever that is.
	errUnsure = errors.New("what the engine holds in memory is not certain; it is projected again")
)

// memory is the tables in memory of one generation. Their names are never used again: a statement that empties one may
// be carried out long after its answer was given up.
type memory struct {
	names [2]string // what stands between sidePrefix and the table's name
	// taking is the side that takes new rows. An insert holds inserting in part, a change of sides as a whole.
	taking    int
	inserting *semaphore.Weighted
	// holds tells which sides may hold rows. It is true before the first insert and until they can be read in the table.
	holds [2]atomic.Bool
	// moved is held while rows are moved; unsure is set once that ended with errUnsure.
	moved  *semaphore.Weighted
	unsure atomic.Bool
}

// whole is the weight of what excludes all others; each of those weighs 1.
const whole = 1 << 30

// buffered tells whether new rows wait in memory.
func (p *Projector) buffered() bool { return p.options.Sync != nil && p.options.Incarnation != nil }

// marked is the generation as it is read together with what is in memory.
func (p *Projector) marked(g Generation) Generation {
	if g != 0 && p.buffered() {
		return g | withNew
	}
	return g
}

// reading is the generation that serves, as lists read it: where nothing is in memory, by its tables alone.
func (p *Projector) reading() Generation {
	g := p.Generation()
	if m := p.memoryOf(g); m == nil || (!m.holds[0].Load() && !m.holds[1].Load()) {
		return g
	}
	return p.marked(g)
}

func (p *Projector) memoryOf(g Generation) *memory {
	m, ok := p.memories.Load(g.plain())
	if !ok {
		return nil
	}
	return m.(*memory)
}

// lost tells whether the engine was started anew since the lane was opened.
func (p *Projector) lost() bool {
	return p.buffered() && int64(p.options.Incarnation()) != p.incarnation.Load()
}

// makeMemory makes the generation's tables in memory, in place of those that there are.
func (p *Projector) makeMemory(ctx context.Context, g Generation) error {
	if !p.buffered() {
		return nil
	}
	if serving, _, _ := p.tracker.get(); serving == g {
		p.tracker.set(0, 0) // nothing is served until its rows are projected again
	}
	p.memories.Delete(g)
	all, err := generationTables(ctx, p.conn)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(all[g], func(name string) bool { return !besides(name) })
	if err := dropTables(ctx, p.conn, old); err != nil {
		return err
	}
	m := &memory{inserting: semaphore.NewWeighted(whole), moved: semaphore.NewWeighted(1)}
	for side := range m.names {
		m.names[side] = strconv.FormatUint(p.sides.Add(1), 10) + "_"
		for _, table := range pendingTables {
			if err := p.conn.Exec(ctx, g.in("CREATE TABLE kipay."+sidePrefix+m.names[side]+table+"_gN AS kipay."+table+"_gN ENGINE = Memory")); err != nil {
				return fmt.Errorf("make a table in memory for %s: %w", table, err)
			}
		}
	}
	for _, table := range pendingTables {
		if err := p.conn.Exec(ctx, g.in("CREATE VIEW kipay."+newPrefix+table+"_gN AS SELECT * FROM kipay."+sidePrefix+m.names[0]+table+
			"_gN UNION ALL SELECT * FROM kipay."+sidePrefix+m.names[1]+table+"_gN")); err != nil {
			return fmt.Errorf("make the view of new %s: %w", table, err)
		}
	}
	p.memories.Store(g, m)
	return nil
}

// insert writes the batch's rows to where lists see them: into memory where that is made.
func (p *Projector) insert(ctx context.Context, tables []*table, of span, g Generation) error {
	m := p.memoryOf(g)
	if m == nil {
		return p.write(ctx, tables, g, of, p.failed)
	}
	if err := m.inserting.Acquire(ctx, 1); err != nil {
		return err
	}
	defer m.inserting.Release(1)
	m.holds[m.taking].Store(true)
	return p.write(ctx, tables, target{g, m.names[m.taking]}, of, p.failed)
}

// target is a side of a generation's memory, as what is written to.
type target struct {
	Generation
	side string
}

func (t target) in(sql string) string {
	for _, name := range pendingTables {
		sql = strings.ReplaceAll(sql, "kipay."+name+"_gN", "kipay."+sidePrefix+t.side+name+"_gN")
	}
	return t.Generation.in(sql)
}

// unmoved asks while no side is emptied: it waits for one that is just being, and the next one waits for it.
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

// movePending moves the rows that are in memory now into their tables.
func (p *Projector) movePending(ctx context.Context, g Generation) error {
	m := p.memoryOf(g)
	if m == nil {
		return nil
	}
	if err := m.moved.Acquire(ctx, 1); err != nil {
		return err
	}
	defer m.moved.Release(1)
	if m.unsure.Load() {
		return errUnsure
	}
	// First what a move that failed has left: the checkpoint is to cover it too.
	if err := p.drain(ctx, g, m, 1-m.taking); err != nil {
		return err
	}
	if err := m.inserting.Acquire(ctx, whole); err != nil {
		return err
	}
	from := m.taking
	m.taking = 1 - from
	m.inserting.Release(whole)
	if err := p.drain(ctx, g, m, from); err != nil {
		return err
	}
	if p.lost() {
		return errRestarted
	}
	return nil
}

// drain copies a side that takes no rows into the tables and empties it.
func (p *Projector) drain(ctx context.Context, g Generation, m *memory, side int) error {
	if !m.holds[side].Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.options.InsertTimeout)
	defer cancel()
	for _, name := range pendingTables {
		if err := p.conn.Exec(ctx, g.in("INSERT INTO kipay."+name+"_gN SELECT * FROM kipay."+sidePrefix+m.names[side]+name+"_gN")); err != nil {
			return fmt.Errorf("move pending %s: %w", name, err)
		}
	}
	if err := p.moving.Acquire(ctx, whole); err != nil {
		return fmt.Errorf("wait for reads before pending rows go: %w", err)
	}
	defer p.moving.Release(whole)
	p.moves.Add(1)
	defer p.moves.Add(1)
	for _, name := range pendingTables {
		if err := p.conn.Exec(ctx, g.in("TRUNCATE TABLE kipay."+sidePrefix+m.names[side]+name+"_gN")); err != nil {
			m.unsure.Store(true)
			return fmt.Errorf("%w: remove moved %s: %w", errUnsure, name, err)
		}
	}
	m.holds[side].Store(false)
	return nil
}

// pendingMoves counts the beginnings and ends of the emptying of sides (odd while it is under way), and the starts of the
// engine.
func (p *Projector) pendingMoves() (moves uint64, engine int) {
	if !p.buffered() {
		return 0, 0
	}
	return p.moves.Load(), p.options.Incarnation()
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
