package projections

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/benfex/kipay/eventstore"
)

// VerifyOptions say what a verification does.
type VerifyOptions struct {
	// Repair makes the freshly folded tables serve when they differ from those that do, which mends every difference.
	Repair bool
	// MaxDifferences is how many differences are named; 1,000 when zero. More are counted.
	MaxDifferences int
	// Progress is told how far it has come; may be nil.
	Progress func(Progress)
}

const defaultMaxDifferences = 1000

// DifferenceKind is what is wrong with a row.
type DifferenceKind string

// The kinds of difference.
const (
	RowAltered DifferenceKind = "altered" // other values than the log says
	RowMissing DifferenceKind = "missing" // the log says that it should be there
	RowExtra   DifferenceKind = "extra"   // the log knows nothing of it
)

// Difference is a row that is not what the log says. Values are not told: some are personal.
type Difference struct {
	Table string
	Kind  DifferenceKind
	// Row names the row by the columns of its key.
	Row string
	// Columns are those that differ, of an altered row.
	Columns []string
}

// String is the difference on one line.
func (d Difference) String() string {
	s := fmt.Sprintf("%s: %s row %s", d.Table, d.Kind, d.Row)
	if len(d.Columns) > 0 {
		s += fmt.Sprintf(" in %v", d.Columns)
	}
	return s
}

// Verified is what a verification found.
type Verified struct {
	Generation Generation
	// Position is how far in the log the comparison went.
	Position eventstore.Position
	Events   uint64
	Rows     uint64
	// Differences are those that are named, Total counts all.
	Differences []Difference
	Total       int
	// Repaired is the generation that serves since the repair, 0 without one.
	Repaired Generation
	Took     time.Duration
}

// Verify folds the log afresh into tables of their own and compares the tables that serve with those: by checksums of
// every column of every row, and row by row where they differ. Reads and the projection go on. Killed at any moment, it
// leaves what serves as it was. It may run beside Run or alone. Errors: ErrBusy; differences are no error.
func (p *Projector) Verify(ctx context.Context, o VerifyOptions) (Verified, error) {
	if o.MaxDifferences <= 0 {
		o.MaxDifferences = defaultMaxDifferences
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if !p.constructing.TryLock() {
		return Verified{}, ErrBusy
	}
	defer p.constructing.Unlock()
	started := p.options.Now()
	if err := migrate(ctx, p.conn); err != nil {
		return Verified{}, err
	}
	serving, built, err := servingGeneration(ctx, p.conn)
	if err != nil {
		return Verified{}, err
	}
	if built != layout {
		return Verified{}, fmt.Errorf("the tables are of layout %d, this kipay writes %d: rebuild", built, layout)
	}
	// What is pending is shown by lists and has to be compared, also where no checkpoint is due that moves it.
	if err := p.movePending(ctx, serving); err != nil && !errors.Is(err, errRestarted) {
		return Verified{}, err
	}
	fresh, err := p.fresh(ctx)
	if err != nil {
		return Verified{}, err
	}
	v := &verification{p: p, VerifyOptions: o, serving: serving, fresh: fresh, found: Verified{Generation: serving}}
	err = v.run(ctx)
	if err == nil && o.Repair && v.found.Total > 0 {
		if err = p.takeOver(ctx, fresh); err == nil {
			v.found.Repaired = fresh.generation
			err = p.dropOld(ctx, serving)
		}
	} else {
		p.abandon(ctx, fresh.generation)
	}
	v.found.Position, v.found.Took = fresh.position, p.options.Now().Sub(started)
	return v.found, err
}

// verification is one run of Verify.
type verification struct {
	VerifyOptions
	p       *Projector
	serving Generation
	fresh   *lane
	found   Verified
}

func (v *verification) run(ctx context.Context) error {
	if err := v.p.catchUpAlone(ctx); err != nil {
		return err
	}
	at, err := v.servingPosition(ctx)
	if err != nil {
		return err
	}
	m := &meter{started: v.p.options.Now(), now: v.p.options.Now, total: at, report: func(pr Progress) {
		v.found.Events = pr.Events
		v.Progress(pr)
	}}
	if err := v.p.advance(ctx, v.fresh, at, m.wrote); err != nil {
		return err
	}
	for _, c := range comparisons() {
		v.Progress(Progress{
			Stage: "comparing " + c.table.name, Events: v.found.Events, Done: v.fresh.position, Total: v.fresh.position,
		})
		if err := v.compare(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}

// servingPosition is how far every table of the generation that serves has come at least.
func (v *verification) servingPosition(ctx context.Context) (eventstore.Position, error) {
	return readCheckpoint(ctx, v.p.conn, v.serving)
}

// compare compares one table. What the projection writes meanwhile is no difference: the checksums of the table that
// serves are those after a whole batch, and the fresh fold goes exactly as far before its own are taken.
func (v *verification) compare(ctx context.Context, c *comparison) error {
	if err := v.awaitServing(ctx, v.fresh.position); err != nil {
		return err
	}
	served, newest, err := c.checksums(ctx, v.p.conn, v.serving)
	if err != nil {
		return err
	}
	head, err := v.p.log.Store().Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the log: %w", err)
	}
	if err := v.advance(ctx, min(newest, head)); err != nil { // what claims to be newer than the log is no guide
		return err
	}
	fresh, _, err := c.checksums(ctx, v.p.conn, v.fresh.generation)
	if err != nil {
		return err
	}
	for _, s := range fresh {
		v.found.Rows += s.rows
	}
	for _, bucket := range differing(served, fresh) {
		if err := v.differences(ctx, c, bucket); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) advance(ctx context.Context, to eventstore.Position) error {
	return v.p.advance(ctx, v.fresh, to, func(int, eventstore.Position) {})
}

// awaitServing waits until the generation that serves has come as far as the fresh fold.
func (v *verification) awaitServing(ctx context.Context, at eventstore.Position) error {
	pause := pauses{}
	for {
		serving, err := v.servingPosition(ctx)
		if err != nil || serving >= at {
			return err
		}
		if err := pause.wait(ctx); err != nil {
			return fmt.Errorf("the projection is at %d and does not reach %d: %w", serving, at, err)
		}
	}
}

// maxLooks bounds how often a bucket is looked at again because its rows move on.
const maxLooks = 20

// differences names the rows of a bucket that differ. Rows that moved on since the fresh fold are looked at again once it
// has followed them.
func (v *verification) differences(ctx context.Context, c *comparison, bucket int64) error {
	var found []Difference
	for range maxLooks {
		served, err := c.rowsOf(ctx, v.p.conn, v.serving, bucket)
		if err != nil {
			return err
		}
		head, err := v.p.log.Store().Head(ctx)
		if err != nil {
			return fmt.Errorf("read the head of the log: %w", err)
		}
		newest := v.fresh.position
		for _, r := range served {
			if r.version <= head {
				newest = max(newest, r.version)
			}
		}
		if err := v.advance(ctx, newest); err != nil {
			return err
		}
		fresh, err := c.rowsOf(ctx, v.p.conn, v.fresh.generation, bucket)
		if err != nil {
			return err
		}
		var moving bool
		found, moving, err = v.diff(ctx, c, bucket, served, fresh)
		if err != nil {
			return err
		}
		if !moving {
			break
		}
		// The fresh fold is ahead of the table: let that catch up and look again.
		if err := v.awaitServing(ctx, v.fresh.position); err != nil {
			return err
		}
	}
	v.found.Total += len(found)
	v.found.Differences = append(v.found.Differences, found[:min(len(found), v.room())]...)
	return nil
}

// room is how many differences more are named.
func (v *verification) room() int { return max(0, v.MaxDifferences-len(v.found.Differences)) }

// diff compares the rows of a bucket. moving tells that a difference may only be that the fresh fold is ahead.
func (v *verification) diff(ctx context.Context, c *comparison, bucket int64, served, fresh map[string]hashedRow) (found []Difference, moving bool, err error) {
	for key, want := range fresh {
		got, ok := served[key]
		switch {
		case !ok:
			at, err := v.servingPosition(ctx)
			if err != nil {
				return nil, false, err
			}
			moving = moving || at < want.version
			found = append(found, Difference{Table: c.table.name, Kind: RowMissing, Row: c.nameText(want.name)})
		case got.hash != want.hash:
			moving = moving || got.version < want.version && v.newer(ctx, want.version)
			d := Difference{Table: c.table.name, Kind: RowAltered, Row: c.nameText(want.name)}
			if len(found) < v.room() {
				if d.Columns, err = v.columns(ctx, c, bucket, want.name); err != nil {
					return nil, false, err
				}
			}
			found = append(found, d)
		}
	}
	for key, got := range served {
		if _, ok := fresh[key]; !ok {
			found = append(found, Difference{Table: c.table.name, Kind: RowExtra, Row: c.nameText(got.name)})
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Row < found[j].Row })
	return found, moving, nil
}

// newer tells whether the table that serves has not come to the position yet.
func (v *verification) newer(ctx context.Context, at eventstore.Position) bool {
	serving, err := v.servingPosition(ctx)
	return err == nil && serving < at
}

// columns are those in which the two rows differ.
func (v *verification) columns(ctx context.Context, c *comparison, bucket int64, name []string) ([]string, error) {
	served, err := c.columnsOf(ctx, v.p.conn, v.serving, bucket, name)
	if err != nil {
		return nil, err
	}
	fresh, err := c.columnsOf(ctx, v.p.conn, v.fresh.generation, bucket, name)
	if err != nil {
		return nil, err
	}
	var out []string
	for i, column := range c.table.columnNames() {
		if i < len(served) && i < len(fresh) && served[i] != fresh[i] {
			out = append(out, column)
		}
	}
	return out, nil
}
