package transparency

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

const (
	// makeTries is how often an append is decided again that another node came before.
	makeTries = 8
	// actor is who appends heads, and the first key; operator is who rotates keys.
	actor    = "transparency"
	operator = "operator"
)

// MakerOptions are what heads are made with. Witnesses and Failed may be nil.
type MakerOptions struct {
	Log     *eventstore.Log
	Tree    *Tree
	Heads   *Heads
	Secrets Secrets
	// Origin is the name of a log that has none yet, the public URL's host and "/kipay" say. Once there is a key the name stays:
	// witnesses and who holds a receipt know the log by it.
	Origin    string
	Witnesses []*Witness
	// Failed is told what went wrong and is tried again.
	Failed func(err error)
}

// Maker signs heads. Several nodes may do so at once: they have the same tree, and one append at a revision wins.
type Maker struct{ MakerOptions }

// NewMaker makes heads when it is asked to, or by Run.
func NewMaker(o MakerOptions) *Maker {
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	return &Maker{o}
}

// Run makes a head every so often, when events were added, and has it cosigned, until ctx ends; then it answers nil.
func (m *Maker) Run(ctx context.Context, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if _, err := m.Make(ctx); err != nil && ctx.Err() == nil {
			m.Failed(err)
		} else if err := m.Cosign(ctx); err != nil && ctx.Err() == nil {
			m.Failed(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Make signs a head of the tree as it is, unless the newest head has as many leaves, and answers the newest. It signs nothing
// that contradicts what was signed before (*HistoryError): then somebody has to look.
func (m *Maker) Make(ctx context.Context) (treehead.Head, error) {
	for range makeTries {
		newest, keys, err := m.Heads.now(ctx)
		if err != nil {
			return treehead.Head{}, err
		}
		view := m.Tree.View()
		if view.Size() < newest.state.Size || view.Size() == 0 {
			return newest.state, nil // another node is ahead
		}
		if err := checkHead(view, newest.state); err != nil || view.Size() == newest.state.Size {
			return newest.state, err
		}
		if len(keys.state) == 0 {
			if err := m.firstKey(ctx, keys); err != nil {
				return treehead.Head{}, err
			}
			continue
		}
		list, err := signers(ctx, m.Secrets, keys.state)
		if err != nil {
			return treehead.Head{}, err
		}
		head := Head{Origin: keys.state.Origin(), Size: view.Size(), Root: view.Root()}
		text, err := signHead(head, list...)
		if err != nil {
			return treehead.Head{}, err
		}
		signed := treehead.Signed{Size: head.Size, Root: head.Root.String(), Checkpoint: text, At: m.Log.Now()}
		if err := decideAndAppend(ctx, m.Log, actor, treehead.HeadsStream, newest, treehead.Sign{Signed: signed}); err != nil {
			return treehead.Head{}, err
		}
	}
	return m.Heads.Newest(ctx) // other nodes are busy making them
}

// checkHead is a *HistoryError when the tree does not begin with the head's.
func checkHead(view *View, signed treehead.Head) error {
	if !signed.Exists() {
		return nil
	}
	head, err := headOf(signed.Signed)
	if err != nil {
		return fmt.Errorf("the newest head: %w", err)
	}
	then, err := view.At(head.Size)
	if err != nil {
		return err
	}
	if then.Root() != head.Root {
		return &HistoryError{Size: head.Size, Signed: head.Root, Now: then.Root(), Have: view.Size()}
	}
	return nil
}

// decideAndAppend carries a command out at the revision that was read. When another writer came first it does nothing: the
// caller reads again.
func decideAndAppend[S domain.State[S]](ctx context.Context, log *eventstore.Log, who, stream string, at folded[S], c domain.Command[S]) error {
	events, err := c.Decide(at.state)
	if err != nil || len(events) == 0 {
		return err
	}
	_, _, err = log.Append(ctx, stream, at.at, eventstore.Metadata{Actor: who}, events...)
	if errors.Is(err, eventstore.ErrWrongRevision) {
		return nil
	}
	return err
}

// Cosign asks the witnesses that have not cosigned the newest head yet, and keeps what they answer. A witness that does not
// answer costs its time-out, and is asked again the next time. Errors are those of all witnesses that failed.
func (m *Maker) Cosign(ctx context.Context) error {
	newest, _, err := m.Heads.now(ctx)
	if err != nil || !newest.state.Exists() {
		return err
	}
	head, err := headOf(newest.state.Signed)
	if err != nil {
		return err
	}
	view, err := m.Tree.View().At(head.Size)
	if errors.Is(err, ErrBehind) {
		return nil // the node that made it asks
	}
	if err != nil {
		return err
	}
	if view.Root() != head.Root {
		return &HistoryError{Size: head.Size, Signed: head.Root, Now: view.Root(), Have: m.Tree.View().Size()}
	}
	lines, err := m.ask(ctx, view, newest.state)
	for range makeTries {
		cosigned := treehead.Cosigned{Size: head.Size, Cosignatures: lines, At: m.Log.Now()}
		if fresh, decideErr := (treehead.Cosign{Cosigned: cosigned}).Decide(newest.state); decideErr != nil || len(fresh) == 0 {
			return errors.Join(err, decideErr)
		}
		if appendErr := decideAndAppend(ctx, m.Log, actor, treehead.HeadsStream, newest, treehead.Cosign{Cosigned: cosigned}); appendErr != nil {
			return errors.Join(err, appendErr)
		}
		var readErr error
		if newest, _, readErr = m.Heads.now(ctx); readErr != nil {
			return errors.Join(err, readErr)
		}
	}
	return err
}

// ask asks all witnesses at once whose cosignature the head lacks.
func (m *Maker) ask(ctx context.Context, view *View, head treehead.Head) ([]string, error) {
	var mu sync.Mutex
	var lines []string
	var errs []error
	var asking sync.WaitGroup
	for _, w := range m.Witnesses {
		if w.hasSigned(head.Cosignatures) {
			continue
		}
		asking.Go(func() {
			got, err := w.Cosign(ctx, view, head.Checkpoint)
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, got...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	asking.Wait()
	return lines, errors.Join(errs...)
}
