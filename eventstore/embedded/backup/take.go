package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// newsEvery is after how many entries progress is told and the context looked at.
const newsEvery = 4096

// Progress hears how far a backup, a verification or a restore is. A total of 0 is not known.
type Progress func(phase string, done, total uint64)

// Taken is what a backup did.
type Taken struct {
	Point *Point
	// Events and Keys are how many are in the point; NewEvents is what was not in the one before.
	Events, NewEvents, Keys uint64
	// Written is the bytes of files that were written.
	Written int64
	// Scrubbed is how many older points held keys that were destroyed since, and do so no more.
	Scrubbed int
}

// Take adds a restore point to the folder, which is made when it is missing. The store is served meanwhile; whatever was
// acknowledged before the call is in the point. ErrOtherStore, ErrDamaged when the folder can't be continued.
func Take(ctx context.Context, store *embedded.Store, dir string, now func() time.Time, progress Progress) (_ Taken, err error) {
	for _, part := range []string{pointsDir, logDir, keysDir} {
		if err := os.MkdirAll(filepath.Join(dir, part), 0o700); err != nil {
			return Taken{}, fmt.Errorf("backup folder: %w", err)
		}
	}
	owned, err := embedded.OwnFolder(dir)
	if err != nil {
		return Taken{}, fmt.Errorf("backup folder: %w", err)
	}
	defer func() { err = errors.Join(err, owned.Close()) }()
	points, bad, err := List(dir)
	if err != nil {
		return Taken{}, err
	}
	for name, err := range bad {
		return Taken{}, fmt.Errorf("%w (%s): take it out of the folder, or begin another folder", err, name)
	}
	taken := now().UTC().Truncate(time.Second)
	view, err := store.View(ctx)
	if err != nil {
		return Taken{}, err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	list, err := view.Erasures(ctx)
	if err != nil {
		return Taken{}, err
	}
	p := &Point{
		Format: format, Store: view.Store(), Number: 1, Taken: taken, Position: view.Head(),
		Erasures: uint64(len(list)), ErasuresSum: sumOf(list), Scrubbed: uint64(len(list)),
	}
	var before *Point
	if len(points) > 0 {
		before = points[len(points)-1]
		p.Number = before.Number + 1
		if err := continues(ctx, dir, view, before); err != nil {
			return Taken{}, err
		}
		p.Log = before.Log
	}
	out := Taken{Point: p, Events: uint64(p.Position)}
	if p.Log != nil {
		out.NewEvents = uint64(p.Position - p.Log.Last)
	} else {
		out.NewEvents = out.Events
	}
	var logBytes, keyBytes int64
	if p.Log, logBytes, err = writeLog(ctx, dir, view, p.Log, func(done, total uint64) { progress("copying events", done, total) }); err != nil {
		return Taken{}, err
	}
	p.Keys, p.KeyCount, keyBytes, err = writeKeys(ctx, dir, view, p.Erasures, before, func(done uint64) { progress("comparing keys", done, 0) })
	if err != nil {
		return Taken{}, err
	}
	out.Keys, out.Written = p.KeyCount, logBytes+keyBytes
	if err := saveErasures(dir, list); err != nil {
		return Taken{}, err
	}
	if err := p.save(dir); err != nil {
		return Taken{}, err
	}
	// From here on the point stands; what follows is cleaning up, which the next one carries on if this is cut off.
	if out.Scrubbed, err = scrub(ctx, dir, points, list); err != nil {
		return out, err
	}
	return out, sweepUnnamed(dir, append(points, p))
}

// continues checks that the store's log goes on from where the newest point of the folder ends.
func continues(ctx context.Context, dir string, view *embedded.View, before *Point) error {
	if before.Store != view.Store() {
		return fmt.Errorf("%w: %s is of store %s, this is %s (a restored store is another one: keep the old folder and begin a new one)",
			ErrOtherStore, dir, before.Store, view.Store())
	}
	if before.Position > view.Head() {
		return fmt.Errorf("%w: the newest restore point in %s is at position %d, the log ends at %d: it was put back to an older state",
			ErrOtherStore, dir, before.Position, view.Head())
	}
	if before.Log == nil {
		return nil
	}
	enough := errors.New("enough")
	err := view.EachRecord(ctx, before.Log.Last-1, func(rec eventstore.Record, _ []byte) error {
		if rec.ID != before.Log.LastEvent {
			return fmt.Errorf("%w: the event at position %d is another one than in %s", ErrOtherStore, rec.Position, dir)
		}
		return enough
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	// What is built on has to be there.
	if _, err := chain(dir, before.Store, before.Log); err != nil {
		return fmt.Errorf("the newest restore point can't be continued, begin another folder: %w", err)
	}
	return nil
}

// sweepUnnamed removes files that no point names.
func sweepUnnamed(dir string, points []*Point) error {
	keep := make(map[string]bool)
	for _, p := range points {
		for _, ref := range p.Keys {
			keep[ref.Name] = true
		}
	}
	// Every point's log is the beginning of the newest one's.
	newest := points[len(points)-1]
	segments, err := chain(dir, newest.Store, newest.Log)
	if err != nil {
		return err
	}
	for _, s := range segments {
		keep[s.Name] = true
	}
	return sweep(dir, keep)
}
