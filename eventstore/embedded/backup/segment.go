package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// segmentBytes is after how many bytes of records another segment is begun, so that files stay of a size that any storage
// takes.
const segmentBytes = 256 << 20

// Segment is a file of events.
type Segment struct {
	Ref
	First eventstore.Position `json:"first"`
	Last  eventstore.Position `json:"last"`
	// LastEvent is the id of the last event: a store whose event at Last is another one has another history.
	LastEvent uuid.UUID `json:"last_event"`
}

// segmentHeader is the first line of a segment. Previous names the segment before it by its checksum, so that one checksum
// vouches for the whole log up to there, however many backups it came from.
type segmentHeader struct {
	Kind     string              `json:"kind"`
	Format   int                 `json:"format"`
	Store    uuid.UUID           `json:"store"`
	First    eventstore.Position `json:"first"`
	Previous *Segment            `json:"previous,omitempty"`
}

const segmentKind = "kipay log segment"

// writeLog writes what came after the previous segment, and answers the newest one.
func writeLog(ctx context.Context, dir string, view *embedded.View, previous *Segment, news func(done, total uint64)) (*Segment, int64, error) {
	var after eventstore.Position
	if previous != nil {
		after = previous.Last
	}
	var w *fileWriter
	defer func() {
		if w != nil {
			w.discard()
		}
	}()
	written := int64(0)
	next := Segment{First: after + 1}
	finish := func() error {
		ref, err := w.commit(func(sum string) string {
			return fmt.Sprintf("%s/%020d-%020d-%s.seg", logDir, next.First, next.Last, sum[:8])
		})
		if err != nil {
			return err
		}
		w, next.Ref = nil, ref
		done := next
		previous, next = &done, Segment{First: next.Last + 1}
		written += ref.Bytes
		return nil
	}
	total := uint64(view.Head() - after)
	err := view.EachRecord(ctx, after, func(rec eventstore.Record, raw []byte) (err error) {
		if w == nil {
			w, err = createFile(dir, logDir, segmentHeader{segmentKind, format, view.Store(), next.First, previous})
			if err != nil {
				return err
			}
		}
		if err := w.frame(raw); err != nil {
			return err
		}
		next.Last, next.LastEvent = rec.Position, rec.ID
		if done := uint64(rec.Position - after); done%newsEvery == 0 {
			news(done, total)
		}
		if w.bytes >= segmentBytes {
			return finish()
		}
		return nil
	})
	if err == nil && w != nil {
		err = finish()
	}
	news(total, total)
	return previous, written, err
}

// open opens the segment and checks that it is the one it is said to be.
func (s *Segment) open(dir string, store uuid.UUID) (*fileReader, segmentHeader, error) {
	var h segmentHeader
	r, err := openFile(dir, s.Ref, &h)
	if err != nil {
		return nil, h, err
	}
	contiguous := h.First == 1 && h.Previous == nil || h.Previous != nil && h.Previous.Last+1 == h.First
	if h.Kind != segmentKind || h.Format != format || h.Store != store || h.First != s.First || h.First > s.Last || !contiguous {
		r.close()
		return nil, h, r.damaged(errors.New("its first line does not fit"))
	}
	return r, h, nil
}

// chain is every segment up to the one given, the oldest first. It reads their first lines, and that none is missing.
func chain(dir string, store uuid.UUID, last *Segment) ([]*Segment, error) {
	var all []*Segment
	for at := last; at != nil; {
		r, h, err := at.open(dir, store)
		if err != nil {
			return nil, err
		}
		r.close()
		all = append(all, at)
		at = h.Previous
	}
	slices.Reverse(all)
	return all, nil
}

// each calls fn for every record of the segment, and verifies the segment on the way.
func (s *Segment) each(ctx context.Context, dir string, store uuid.UUID, fn func(raw []byte) error) error {
	r, _, err := s.open(dir, store)
	if err != nil {
		return err
	}
	defer r.close()
	var raw []byte
	for n := s.First; ; n++ {
		raw, err = r.frame(raw[:0])
		if errors.Is(err, io.EOF) {
			if n != s.Last+1 {
				return r.damaged(fmt.Errorf("it holds %d events, %d were written", n-s.First, s.Last+1-s.First))
			}
			return nil
		}
		if err != nil {
			return err
		}
		if uint64(n)%newsEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fn(raw); err != nil {
			return err
		}
	}
}
