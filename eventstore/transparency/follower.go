package transparency

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

const (
	// defaultPause is how long a follower lets events gather after it has met few.
	defaultPause = 50 * time.Millisecond
	// defaultCommit is how often what was added is made durable; a crash costs reading so much of the log again.
	defaultCommit = 5 * time.Second
	// commitLeaves is after how many leaves it is made durable in any case.
	commitLeaves = 1 << 17
	// fewRecords is less than a batch of a log that is far ahead has.
	fewRecords = 128
	// batchesAhead are read while one is hashed.
	batchesAhead = 4
	// tryAgain is how long a follower waits after an error.
	tryAgain = time.Second
)

// FollowerOptions are what a follower needs. Store and Tree have no default.
type FollowerOptions struct {
	Store eventstore.Store
	Tree  *Tree
	// Observe is shown every event of the streams that keep heads and keys; nil for nobody.
	Observe func(r *eventstore.Record)
	// Failed is told what went wrong and is tried again; nil for nobody.
	Failed func(err error)
	// Pause is how long events gather where few come, Commit how often the tree is made durable; 50 ms and 5 s when zero.
	Pause, Commit time.Duration
}

// Follower builds the tree from the log, beside the append path: it only reads what is durable, and a store's subscriptions
// hold no writer up.
type Follower struct{ FollowerOptions }

// NewFollower is a follower that does nothing until Run.
func NewFollower(o FollowerOptions) *Follower {
	if o.Observe == nil {
		o.Observe = func(*eventstore.Record) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Pause <= 0 {
		o.Pause = defaultPause
	}
	if o.Commit <= 0 {
		o.Commit = defaultCommit
	}
	return &Follower{o}
}

// Run follows the log until ctx ends, and answers nil then. A tree whose files are damaged it builds again. A tree of another
// log it leaves alone (ErrOtherLog): it may be all that is left to tell what was changed.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.follow(ctx)
		if ctx.Err() != nil {
			if err := f.Tree.Commit(); err != nil {
				f.Failed(err)
			}
			return nil
		}
		if errors.Is(err, ErrOtherLog) {
			return err
		}
		f.Failed(err)
		if errors.Is(err, ErrDamaged) {
			if err := f.Tree.Reset(); err != nil {
				f.Failed(err)
			}
		}
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
		}
	}
}

// follow follows the log until something goes wrong.
func (f *Follower) follow(ctx context.Context) error {
	if err := f.sameLog(ctx); err != nil {
		return err
	}
	from := f.Tree.Seen()
	group, ctx := errgroup.WithContext(ctx)
	sub, err := f.Store.Subscribe(ctx, from)
	if errors.Is(err, eventstore.ErrInvalid) {
		return fmt.Errorf("%w: %w", ErrOtherLog, err)
	}
	if err != nil {
		return fmt.Errorf("follow the log after position %d: %w", from, err)
	}
	defer func() { _ = sub.Close() }()
	batches := make(chan eventstore.Batch, batchesAhead)
	group.Go(func() error { return f.read(ctx, sub, batches) })
	group.Go(func() error { return f.build(ctx, batches) })
	return group.Wait()
}

// read takes batches from the subscription. Where few events come it lets some gather, which costs a busy node less.
func (f *Follower) read(ctx context.Context, sub eventstore.Subscription, batches chan<- eventstore.Batch) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for {
		batch, err := sub.Next(ctx)
		if err != nil {
			return fmt.Errorf("follow the log: %w", err)
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(batch.Records) >= fewRecords {
			continue
		}
		pause.Reset(f.Pause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// build adds the batches to the tree.
func (f *Follower) build(ctx context.Context, batches <-chan eventstore.Batch) error {
	commit := time.NewTicker(f.Commit)
	defer commit.Stop()
	var scratch []byte
	var leaves []Leaf
	uncommitted := 0
	for {
		select {
		case batch := <-batches:
			leaves = leaves[:0]
			for i := range batch.Records {
				r := &batch.Records[i]
				if LeftOut(r.Stream) {
					if keepsHeads(r.Stream) {
						f.Observe(r)
					}
					continue
				}
				var hash tlog.Hash
				hash, scratch = hashLeaf(scratch, r)
				leaves = append(leaves, Leaf{Hash: hash, Position: r.Position})
			}
			if err := f.Tree.Append(leaves, batch.Checkpoint); err != nil {
				return err
			}
			if uncommitted += len(leaves); uncommitted < commitLeaves {
				continue
			}
		case <-commit.C:
		case <-f.Tree.Damaged():
			return ErrDamaged
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := f.Tree.Commit(); err != nil {
			return err
		}
		uncommitted = 0
	}
}

// sameLog is ErrOtherLog when the event of the last leaf is not where it was.
func (f *Follower) sameLog(ctx context.Context) error {
	view := f.Tree.View()
	if view.Size() == 0 {
		return nil
	}
	last := view.Size() - 1
	proof, err := view.Inclusion(last)
	if err != nil {
		return err
	}
	at, err := view.Position(last)
	if err != nil {
		return err
	}
	there, err := f.Store.ReadAll(ctx, at, eventstore.Backward, 1)
	if err != nil && !errors.Is(err, eventstore.ErrInvalid) {
		return fmt.Errorf("read the event of the last leaf: %w", err)
	}
	if len(there) == 0 || there[0].Position != at || tlog.CheckRecord(proof, view.Size(), view.Root(), last, LeafHash(&there[0])) != nil {
		return fmt.Errorf("%w: leaf %d is not the event at position %d. Is KIPAY_EVENTSTORE, or the data folder, the right one? "+
			"If so, compare the log with the tree before you remove its folder", ErrOtherLog, last, at)
	}
	return nil
}
