package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
)

// folds keep the states of the streams that were touched last. A payment's events lie close together, so most are found
// here; what is not is folded again from the log. Used by one goroutine.
type folds struct {
	log    *eventstore.Log
	states *simplelru.LRU[string, *folded]
	misses uint64
}

// folded is the state of a stream after the event at revision. state is a pointer to the aggregate's State.
type folded struct {
	revision eventstore.Revision
	state    any
}

func newFolds(log *eventstore.Log, size int) *folds {
	states, err := simplelru.NewLRU[string, *folded](size, nil)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &folds{log: log, states: states}
}

// errFolded ends the reading of a stream at the event that is wanted.
var errFolded = errors.New("folded")

// evolve is the state of the event's stream before it and after it. It may be repeated for the same event.
func evolve[S domain.State[S]](ctx context.Context, f *folds, env *eventstore.Envelope) (before S, after *S, err error) {
	kept, ok := f.states.Get(env.Stream)
	if ok {
		if s, same := kept.state.(*S); same && kept.revision+1 == env.Revision {
			before = *s
			*s = before.Evolve(env.Event)
			kept.revision = env.Revision
			return before, s, nil
		}
	}
	if env.Revision > 0 {
		f.misses++
		if before, err = foldUntil[S](ctx, f.log, env.Stream, env.Revision); err != nil {
			return before, nil, err
		}
	}
	state := before.Evolve(env.Event)
	f.states.Add(env.Stream, &folded{revision: env.Revision, state: &state})
	return before, &state, nil
}

// foldUntil is the state that the events before the revision add up to.
func foldUntil[S domain.State[S]](ctx context.Context, log *eventstore.Log, stream string, until eventstore.Revision) (S, error) {
	var s S
	next := eventstore.Revision(0)
	err := log.EachInStream(ctx, stream, 0, func(e eventstore.Envelope) error {
		if e.Revision >= until {
			return errFolded
		}
		s, next = s.Evolve(e.Event), e.Revision+1
		return nil
	})
	if err != nil && !errors.Is(err, errFolded) {
		return s, fmt.Errorf("fold %s until revision %d: %w", stream, until, err)
	}
	if next != until {
		return s, fmt.Errorf("fold %s until revision %d: %w: the stream ends at %d", stream, until, eventstore.ErrCorrupt, next-1)
	}
	return s, nil
}

// forget drops all states, after which each is folded from the log.
func (f *folds) forget() { f.states.Purge() }
