package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/benfex/kipay/eventstore"
)

const (
	// progressEvery is after how many entries a check reports its progress.
	progressEvery = 8192
	// maxProblems is after how many findings a check stops looking for more.
	maxProblems = 100
)

// CheckPhase is what a check is doing.
type CheckPhase string

// The phases of a check, in their order.
const (
	CheckingLog   CheckPhase = "log"
	CheckingIndex CheckPhase = "index"
	CheckingKeys  CheckPhase = "keys"
)

// CheckProgress is how far a check has come: Done of Total entries of the phase. The keys' Total is not known, and 0.
type CheckProgress struct {
	Phase       CheckPhase
	Done, Total uint64
}

// CheckReport is what a check has seen.
type CheckReport struct {
	// Events, Bytes (data and metadata), Streams and Keys are counts of what is there.
	Events, Bytes, Streams, Keys uint64
	// Head is the position up to which the log was checked.
	Head eventstore.Position
	// Problems are the findings, the first hundred, each with its place.
	Problems []string
}

// Check reads everything up to the present head and holds it against itself: the positions without gaps, each record
// against its checksum and key, the revisions of each stream without gaps and in the order of positions, the index
// against the log entry by entry, the keys readable. decode is asked whether it understands each record, progress, now
// and then, hears how far the check is; either may be nil. Appends go on meanwhile.
//
// The report is complete without an error. ErrCorrupt means that there are Problems; any other error that the check
// could not be carried out.
func (s *Store) Check(
	ctx context.Context, decode func(eventstore.Record) error, progress func(CheckProgress),
) (CheckReport, error) {
	if err := s.usable(ctx); err != nil {
		return CheckReport{}, err
	}
	if err := s.enter(); err != nil {
		return CheckReport{}, err
	}
	defer s.leave()
	c := &check{ctx: ctx, store: s, decode: decode, progress: progress, log: newPlaces()}
	c.index = c.log.empty()
	c.report.Head = s.ring.Head()
	if c.decode == nil {
		c.decode = func(eventstore.Record) error { return nil }
	}
	if c.progress == nil {
		c.progress = func(CheckProgress) {}
	}
	for _, phase := range []func() error{c.checkLog, c.checkIndex, c.compare, c.checkKeys, c.checkErasures} {
		if err := phase(); err != nil {
			return c.report, err
		}
	}
	if n := len(c.report.Problems); n > 0 {
		return c.report, fmt.Errorf("%w: %s (%d findings)", eventstore.ErrCorrupt, c.report.Problems[0], n)
	}
	return c.report, nil
}

type check struct {
	ctx      context.Context //nolint:containedctx // lives as long as one call of Check
	store    *Store
	decode   func(eventstore.Record) error
	progress func(CheckProgress)
	report   CheckReport
	// log and index are what each says about which position is which event of which stream.
	log, index places
}

// errEnough ends a check that has found too much.
var errEnough = fmt.Errorf("%w: more than %d findings", eventstore.ErrCorrupt, maxProblems)

func (c *check) problem(format string, args ...any) error {
	c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	if len(c.report.Problems) >= maxProblems {
		return errEnough
	}
	return nil
}

// each calls fn for every entry of a keyspace. Damage that Pebble finds is a problem, and ends the phase.
func (c *check) each(phase CheckPhase, space byte, total uint64, fn func(key, value []byte) error) error {
	iter, err := c.store.db.NewIterWithContext(c.ctx, &pebble.IterOptions{
		LowerBound: []byte{space}, UpperBound: []byte{space + 1},
	})
	if err != nil {
		return c.damage(phase, err)
	}
	done := uint64(0)
	for ok := iter.First(); ok; ok = iter.Next() {
		if done++; done%progressEvery == 0 {
			c.progress(CheckProgress{Phase: phase, Done: done, Total: total})
			if err := c.ctx.Err(); err != nil {
				return errors.Join(err, iter.Close())
			}
		}
		if err := fn(iter.Key(), iter.Value()); err != nil {
			if errors.Is(err, errBeyondHead) {
				break
			}
			return errors.Join(err, iter.Close())
		}
	}
	if err := iter.Close(); err != nil {
		return c.damage(phase, err)
	}
	c.progress(CheckProgress{Phase: phase, Done: done, Total: max(done, total)})
	return nil
}

// errBeyondHead ends the phase that reads the log at the head that was durable when the check began.
var errBeyondHead = errors.New("beyond the head")

func (c *check) damage(phase CheckPhase, err error) error {
	if ctxErr := c.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if !pebble.IsCorruptionError(err) {
		return readError("check the "+string(phase), err)
	}
	return c.problem("%s: %v", phase, plainly(err))
}

// checkLog holds each record against its key and the one before it.
func (c *check) checkLog() error {
	want := eventstore.Position(1)
	err := c.each(CheckingLog, logSpace, uint64(c.report.Head), func(key, value []byte) error {
		pos, ok := positionOf(key)
		if !ok {
			return c.problem("log: key %x is no position", key)
		}
		if pos > c.report.Head {
			return errBeyondHead
		}
		if pos != want {
			if err := c.problem("log: positions %d to %d are missing", want, pos-1); err != nil {
				return err
			}
		}
		want = pos + 1
		rec, err := decodeRecord(bytes.Clone(value))
		if err != nil {
			return c.problem("position %d: %v", pos, err)
		}
		c.report.Events++
		c.report.Bytes += uint64(len(rec.Data) + len(rec.Metadata))
		c.log.add([]byte(rec.Stream), rec.Revision, pos)
		if rec.Position != pos {
			return c.problem("position %d: the record says it is %d", pos, rec.Position)
		}
		if err := c.decode(rec); err != nil {
			return c.problem("position %d (%s revision %d, %s %s): %v", pos, rec.Stream, rec.Revision, rec.Type, rec.ID, err)
		}
		return nil
	})
	if err == nil && want <= c.report.Head {
		err = c.problem("log: positions %d to %d are missing", want, c.report.Head)
	}
	return err
}

// checkIndex holds each stream's revisions and positions against those before them.
func (c *check) checkIndex() error {
	var stream []byte
	var last eventstore.Position
	var want eventstore.Revision
	return c.each(CheckingIndex, streamSpace, c.report.Events, func(key, value []byte) error {
		name, rev, ok := splitStreamKey(key)
		pos, fits := positionIn(value)
		if !ok || !fits {
			return c.problem("index: entry %x holds %x", key, value)
		}
		if pos > c.report.Head {
			return c.checkEntry(name, rev, pos) // written since the check began, or pointing to what never was
		}
		if !bytes.Equal(name, stream) {
			stream, want, last = append(stream[:0], name...), 0, 0
			c.report.Streams++
		}
		c.index.add(name, rev, pos)
		expected, before := want, last
		want, last = rev+1, pos
		if rev != expected {
			return c.problem("stream %s: revision %d follows %d", name, rev, expected-1)
		}
		if pos <= before {
			return c.problem("stream %s: revision %d is at position %d, the one before at %d", name, rev, pos, before)
		}
		return nil
	})
}

// compare holds index and log against each other. Usually their sums settle it; if they differ it looks for where.
func (c *check) compare() error {
	if c.log.equal(c.index) {
		return nil
	}
	found := len(c.report.Problems)
	err := c.each(CheckingLog, logSpace, uint64(c.report.Head), func(key, value []byte) error {
		pos, _ := positionOf(key)
		if pos > c.report.Head {
			return errBeyondHead
		}
		rec, err := decodeRecord(bytes.Clone(value))
		if err != nil {
			return nil // found before
		}
		switch at, err := c.store.indexed(appendStreamKey(nil, rec.Stream, rec.Revision)); {
		case err != nil:
			return c.problem("position %d: %v", pos, err)
		case at != pos:
			return c.problem("position %d is %s revision %d, whose index entry points to %d", pos, rec.Stream, rec.Revision, at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.each(CheckingIndex, streamSpace, c.report.Events, func(key, value []byte) error {
		name, rev, _ := splitStreamKey(key)
		pos, ok := positionIn(value)
		if !ok || pos > c.report.Head {
			return nil
		}
		return c.checkEntry(name, rev, pos)
	})
	if err == nil && len(c.report.Problems) == found {
		err = c.problem("index and log differ: %d entries, %d records", c.index.count, c.log.count)
	}
	return err
}

// checkEntry looks up what an entry of the index points to.
func (c *check) checkEntry(stream []byte, rev eventstore.Revision, pos eventstore.Position) error {
	rec, err := c.store.record(pos)
	if err != nil {
		return c.problem("stream %s: revision %d: %v", stream, rev, err)
	}
	if rec.Stream != string(stream) || rec.Revision != rev {
		return c.problem("stream %s: revision %d points to position %d, which is %s revision %d", stream, rev, pos,
			rec.Stream, rec.Revision)
	}
	return nil
}

func (c *check) checkKeys() error {
	return c.each(CheckingKeys, keySpace, 0, func(key, value []byte) error {
		c.report.Keys++
		if len(key) < 2 || len(value) == 0 {
			return c.problem("key %q is empty", key)
		}
		return nil
	})
}

func (c *check) checkErasures() error {
	if _, err := erasuresIn(c.ctx, c.store.db); errors.Is(err, eventstore.ErrCorrupt) {
		return c.problem("%v", err)
	} else if err != nil {
		return err
	}
	return nil
}
