package main

import (
	"context"
	"time"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/projections"
	"github.com/benfex/kipay/readapi"
)

// answerTimeout bounds how long a server may take to say that it is there.
const answerTimeout = time.Second

// readSource tells how far the read models are, and by which tables.
type readSource interface {
	projections.Source
	readapi.Projection
	Purged(ctx context.Context, at eventstore.Position) error
}

// projectsAlone tells whether no other node writes the read models that this one reads: they are its own, or the log is.
func (n *node) projectsAlone() bool { return !n.cfg.shared(roleProjector) }

// source is what lists are read by: the node's own projector, or where a server is written by whichever node has the
// role, what that one says of it.
func (n *node) source() readSource {
	if n.reads.follower == nil {
		return n.reads.projector
	}
	return n.reads.follower
}

// runFollower keeps up with what other nodes write; it does nothing where the node writes for itself.
func (n *node) runFollower(ctx context.Context) error {
	if n.reads == nil || n.reads.follower == nil {
		return nil
	}
	return n.reads.follower.Run(ctx)
}

// readsReady is nil while this node can answer from the read models.
func (n *node) readsReady(ctx context.Context) error {
	switch {
	case n.reads == nil:
		return nil // nobody asks this node
	case n.projectsAlone():
		return n.reads.projector.Ready()
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := n.reads.conn.Ping(ctx); err != nil {
		return err
	}
	if n.reads.follower != nil && n.reads.follower.Generation() == 0 {
		return n.reads.follower.Ready() // nothing serves yet: it knows why
	}
	return nil
}

// readsLag is how long the oldest event that reads don't see has waited, as far as this node projects.
func (n *node) readsLag() time.Duration {
	if n.reads == nil {
		return 0
	}
	return n.reads.projector.Lag()
}
