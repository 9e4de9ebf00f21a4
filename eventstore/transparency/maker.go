package transparency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/transparency/treehead"
)

const (
	// makeTries is how often an append is decided again that another node came before.
	makeTries = 8
	// cosignPatience is how often what witnesses have answered is kept while others are waited for.
	cosignPatience = time.Second
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

// Cosign asks the witnesses that have not cosigned the newest head yet, and keeps what they answer: a slow one does not hold up what
// the others said. A witness that does not answer costs its time-out, and is asked again the next time. Errors are those of all
// witnesses that failed.
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
	var lines []string
	var errs []error
	answers, asked := m.ask(ctx, view, newest.state)
	patience := time.NewTicker(cosignPatience)
	defer patience.Stop()
	keep := func() {
		if len(lines) > 0 {
			errs = append(errs, m.keep(ctx, head.Size, lines))
		}
		lines = nil
	}
	for asked > 0 {
		select {
		case a := <-answers:
			asked--
			lines, errs = append(lines, a.lines...), append(errs, a.err)
		case <-patience.C:
			keep()
		}
	}
	keep()
	return errors.Join(errs...)
}

// keep adds cosignatures to the head of that size, while it is the newest.
func (m *Maker) keep(ctx context.Context, size int64, lines []string) error {
	cosigned := treehead.Cosign{Cosigned: treehead.Cosigned{Size: size, Cosignatures: lines, At: m.Log.Now()}}
	for range makeTries {
		newest, _, err := m.Heads.now(ctx)
		if err != nil {
			return err
		}
		if fresh, err := cosigned.Decide(newest.state); err != nil || len(fresh) == 0 {
			return err
		}
		if err := decideAndAppend(ctx, m.Log, actor, treehead.HeadsStream, newest, cosigned); err != nil {
			return err
		}
	}
	return nil
}

// witnessAnswer is what a witness said.
type witnessAnswer struct {
	lines []string
	err   error
}

// ask asks all witnesses at once whose cosignature the head lacks, and says how many those are.
func (m *Maker) ask(ctx context.Context, view *View, head treehead.Head) (answers <-chan witnessAnswer, asked int) {
	to := make(chan witnessAnswer, len(m.Witnesses))
	for _, w := range m.Witnesses {
		if w.hasSigned(head.Cosignatures) {
			continue
		}
		asked++
		go func() {
			lines, err := w.Cosign(ctx, view, head.Checkpoint)
			to <- witnessAnswer{lines, err}
		}()
	}
	return to, asked
}
