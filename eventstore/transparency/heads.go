package transparency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

const (
	// headsPage is how many events of the heads' stream are read at once.
	headsPage = 64
	// headsAge is how long what was read of the streams is good for; nodes also hear of newer heads by Observe.
	headsAge = time.Second
)

// keepsHeads tells the streams that keep heads and keys.
func keepsHeads(stream string) bool {
	return stream == treehead.HeadsStream || stream == treehead.KeysStream
}

// Heads reads the signed heads and their keys.
type Heads struct {
	log   *eventstore.Log
	stale atomic.Bool

	mu   sync.Mutex
	read time.Time
	head folded[treehead.Head]
	keys folded[treehead.Keys]
}

// folded is what a stream adds up to, up to a revision.
type folded[S domain.State[S]] struct {
	state S
	at    eventstore.Revision
}

// NewHeads reads heads from the log, whose codec has to know the types of package treehead.
func NewHeads(log *eventstore.Log) *Heads {
	h := &Heads{log: log, head: folded[treehead.Head]{at: eventstore.NoStream}, keys: folded[treehead.Keys]{at: eventstore.NoStream}}
	h.stale.Store(true)
	return h
}

// Observe is shown events of the two streams (FollowerOptions.Observe).
func (h *Heads) Observe(*eventstore.Record) { h.stale.Store(true) }

// Newest is the newest signed head.
func (h *Heads) Newest(ctx context.Context) (treehead.Head, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.refresh(ctx, false)
	return h.head.state, err
}

// Keys are the keys that sign heads, and those that have.
func (h *Heads) Keys(ctx context.Context) (treehead.Keys, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.refresh(ctx, false)
	return h.keys.state, err
}

// Checkpoint is the newest signed head as it is published, with the cosignatures that came for it. Errors: ErrNotFound
// before the first one.
func (h *Heads) Checkpoint(ctx context.Context) (string, error) {
	head, err := h.Newest(ctx)
	if err != nil {
		return "", err
	}
	if !head.Exists() {
		return "", fmt.Errorf("%w: no head is signed yet", ErrNotFound)
	}
	return withCosignatures(head.Checkpoint, head.Cosignatures), nil
}

// now are both streams as they stand at this moment.
func (h *Heads) now(ctx context.Context) (folded[treehead.Head], folded[treehead.Keys], error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.refresh(ctx, true)
	return h.head, h.keys, err
}

// refresh reads what is new in the streams. The caller holds mu.
func (h *Heads) refresh(ctx context.Context, always bool) error {
	now := h.log.Now()
	if !h.stale.Swap(false) && !always && now.Sub(h.read) < headsAge {
		return nil
	}
	err := h.refreshBoth(ctx)
	if err != nil {
		h.stale.Store(true)
		return err
	}
	h.read = now
	return nil
}

func (h *Heads) refreshBoth(ctx context.Context) error {
	if h.head.at == eventstore.NoStream {
		if err := h.lastHead(ctx); err != nil {
			return err
		}
	}
	if err := foldOn(ctx, h.log, treehead.HeadsStream, &h.head); err != nil {
		return err
	}
	return foldOn(ctx, h.log, treehead.KeysStream, &h.keys)
}

// foldOn folds what has come since.
func foldOn[S domain.State[S]](ctx context.Context, log *eventstore.Log, stream string, f *folded[S]) error {
	return log.EachInStream(ctx, stream, f.at+1, func(e eventstore.Envelope) error {
		f.state, f.at = f.state.Evolve(e.Event), e.Revision
		return nil
	})
}

// lastHead folds the end of the heads' stream, from the newest Signed on.
func (h *Heads) lastHead(ctx context.Context) error {
	var tail []eventstore.Envelope // the newest first
	for from := eventstore.EndRevision; from >= 0; {
		records, err := h.log.Store().ReadStream(ctx, treehead.HeadsStream, from, eventstore.Backward, headsPage)
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s backward: %w", treehead.HeadsStream, err)
		}
		for _, r := range records {
			e, err := h.log.Decode(ctx, r)
			if err != nil {
				return err
			}
			tail = append(tail, e)
			if _, signed := e.Event.(treehead.Signed); signed {
				for _, e := range slices.Backward(tail) {
					h.head.state, h.head.at = h.head.state.Evolve(e.Event), e.Revision
				}
				return nil
			}
		}
		if len(records) < headsPage {
			return nil
		}
		from = records[len(records)-1].Revision - 1
	}
	return nil
}

// first is the first head over at least so many leaves, with the cosignatures that came for it. Heads only grow, so it is found by
// halving. Errors: ErrNotFound when no head is.
func (h *Heads) first(ctx context.Context, size int64) (treehead.Head, error) {
	newest, err := h.log.Store().ReadStream(ctx, treehead.HeadsStream, eventstore.EndRevision, eventstore.Backward, 1)
	if err != nil && !errors.Is(err, eventstore.ErrStreamNotFound) {
		return treehead.Head{}, fmt.Errorf("read %s: %w", treehead.HeadsStream, err)
	}
	if len(newest) == 0 {
		return treehead.Head{}, fmt.Errorf("%w: no head is signed yet", ErrNotFound)
	}
	low, high := eventstore.Revision(0), newest[0].Revision+1
	for low < high {
		middle := low + (high-low)/2
		over, err := h.sizeAt(ctx, middle)
		if err != nil {
			return treehead.Head{}, err
		}
		if over >= size {
			high = middle
		} else {
			low = middle + 1
		}
	}
	var head treehead.Head
	done := errors.New("the next head begins")
	err = h.log.EachInStream(ctx, treehead.HeadsStream, low, func(e eventstore.Envelope) error {
		if _, signed := e.Event.(treehead.Signed); signed && head.Exists() {
			return done
		}
		head = head.Evolve(e.Event)
		return nil
	})
	if err != nil && !errors.Is(err, done) {
		return head, err
	}
	if !head.Exists() {
		return head, fmt.Errorf("%w: no head over %d leaves is signed yet", ErrNotFound, size)
	}
	return head, nil
}

// sizeAt is how many leaves the head at a revision is over.
func (h *Heads) sizeAt(ctx context.Context, at eventstore.Revision) (int64, error) {
	records, err := h.log.Store().ReadStream(ctx, treehead.HeadsStream, at, eventstore.Forward, 1)
	if err != nil || len(records) == 0 {
		return 0, fmt.Errorf("read %s at revision %d: %w", treehead.HeadsStream, at, err)
	}
	e, err := h.log.Decode(ctx, records[0])
	if err != nil {
		return 0, err
	}
	switch e := e.Event.(type) {
	case treehead.Signed:
		return e.Size, nil
	case treehead.Cosigned:
		return e.Size, nil
	}
	return 0, fmt.Errorf("%w: %s@%d: no head", eventstore.ErrCorrupt, treehead.HeadsStream, at)
}

// headOf is the head that an event keeps, whose checkpoint has to say the same as its fields.
func headOf(s treehead.Signed) (Head, error) {
	text, _, err := splitNote(s.Checkpoint)
	if err != nil {
		return Head{}, err
	}
	head, err := ParseHead(text)
	if err != nil {
		return Head{}, err
	}
	if head.Size != s.Size || head.Root.String() != s.Root {
		return Head{}, fmt.Errorf("%w: it is not over the %d events that its event names", ErrCheckpoint, s.Size)
	}
	return head, nil
}
