package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/benfex/kipay/commands/reactor"
	"github.com/benfex/kipay/eventstore/lease"
)

// The roles of a node. Any number of nodes may have each; of those with the same projector's or reactor's role one is
// active, and the others stand by.
const (
	roleAPI       = "api"       // the API, the checkout page, the providers' callbacks
	roleProjector = "projector" // writes the read models
	roleReactor   = "reactor"   // asks after pushes, expires what waited too long
)

// roles are a node's, in the order in which they are documented.
type roles []string

func (r roles) has(role string) bool { return slices.Contains(r, role) }

func parseRoles(v string) (roles, error) {
	known := roles{roleAPI, roleProjector, roleReactor}
	var out roles
	for name := range strings.SplitSeq(v, ",") {
		name = strings.TrimSpace(name)
		if !known.has(name) {
			return nil, fmt.Errorf("must be some of %s, separated by commas", strings.Join(known, ", "))
		}
		if !out.has(name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// checkRoles refuses a split for which the engines don't do.
func (c *config) checkRoles() error {
	switch {
	case !c.remote() && len(c.Roles) < 3:
		return errors.New("an embedded event store has one node, which takes all roles: api,projector,reactor (set KIPAY_EVENTSTORE to a server for more)")
	case c.ClickHouse == clickHouseEmbedded && c.Roles.has(roleAPI) != c.Roles.has(roleProjector):
		return errors.New("api and projector can be split when KIPAY_CLICKHOUSE is a server; an embedded one is written and read by the same node")
	}
	return nil
}

// duties are what the node's roles make it do in the background.
type duties struct {
	active map[string]*atomic.Bool         // by role that is done in turn
	react  atomic.Pointer[reactor.Reactor] // the active one, if this node has it
}

func newDuties(c *config) *duties {
	d := &duties{active: map[string]*atomic.Bool{}}
	for _, role := range []string{roleProjector, roleReactor} {
		if c.Roles.has(role) && c.shared(role) {
			d.active[role] = &atomic.Bool{}
		}
	}
	return d
}

// readsModels tells whether the node opens read models: it answers from them, writes them, or reacts, and compares the payments that
// it asks M-Pesa for with books that are found there. A reactor alone has none where they are in other nodes' folders.
func (c *config) readsModels() bool {
	return c.Roles.has(roleAPI) || c.Roles.has(roleProjector) || c.Roles.has(roleReactor) && c.ClickHouse != clickHouseEmbedded
}

// shared tells whether other nodes may have the role too, so that the nodes do it in turn.
func (c *config) shared(role string) bool {
	return c.remote() && (role == roleReactor || role == roleProjector && c.ClickHouse != clickHouseEmbedded)
}

// pendingPushes is how many pushes this node waits for.
func (d *duties) pendingPushes() int {
	if r := d.react.Load(); r != nil {
		return r.PendingPushes()
	}
	return 0
}

// oldestPush is how long the oldest of them has waited.
func (d *duties) oldestPush() time.Duration {
	if r := d.react.Load(); r != nil {
		return r.OldestPush()
	}
	return 0
}

// disputes are how many haven't ended, how many are due within two days, and how many are overdue.
func (d *duties) disputes() (open, due, overdue int) {
	if r := d.react.Load(); r != nil {
		return r.Disputes()
	}
	return 0, 0, 0
}

// inTurn does the work while this node is the one to do it: at once where there is only one node, else under a lease.
func (n *node) inTurn(ctx context.Context, role string, work func(ctx context.Context) error) error {
	active, shared := n.duties.active[role]
	if !shared {
		return work(ctx)
	}
	name, err := nodeName()
	if err != nil {
		return err
	}
	log := n.log.With().Str("role", role).Str("node", name).Logger()
	return lease.New(lease.Options{
		Store: n.store, Role: role, Node: name, NewID: newEventID,
		Changed: func(held bool) {
			active.Store(held)
			if held {
				log.Info().Msg("this node has the role now")
			} else {
				log.Info().Msg("this node has the role no more")
			}
		},
		Failed: complaints(log, zerolog.WarnLevel, "who has the role can't be told; trying again"),
	}).Run(ctx, work)
}

// runProjector keeps the read models true to the log: its own ones at all times, those of a server in turn with others.
func (n *node) runProjector(ctx context.Context) error {
	return n.inTurn(ctx, roleProjector, func(ctx context.Context) error {
		_ = n.reads.waitReady(ctx) // so that a healthy start has nothing to complain about; Run copes without it
		return n.reads.projector.Run(ctx)
	})
}

// runReactor sets off what is due. Each turn begins afresh from the checkpoint.
func (n *node) runReactor(ctx context.Context) error {
	return n.inTurn(ctx, roleReactor, func(ctx context.Context) error {
		pullEvery := n.cfg.PullEvery
		if n.reads == nil { // what it would be told could not be compared here
			pullEvery = 0
		}
		r := reactor.New(reactor.Options{Write: n.write, Log: n.events, Logger: n.log, FirstQuery: n.cfg.StatusAfter, DisputePoll: n.cfg.DisputePoll, PullEvery: pullEvery})
		n.duties.react.Store(r)
		defer n.duties.react.Store(nil)
		return r.Run(ctx)
	})
}

// nodeName tells nodes apart, and tells an operator which one it is.
func nodeName() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	var salt [4]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return "", fmt.Errorf("no randomness: %w", err)
	}
	return host + "-" + hex.EncodeToString(salt[:]), nil
}
