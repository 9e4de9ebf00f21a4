package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

// Follow keeps the caches true: it watches the log from now on and drops what changed, also by other nodes and by the
// operator's commands. It returns when ctx ends or the subscription is lost for good; while it does not run, the caches
// hold nothing. It must run once at a time.
func (w *WriteSide) Follow(ctx context.Context) error {
	head, err := w.log.Store().Head(ctx)
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	sub, err := w.log.Store().Subscribe(ctx, head)
	if err != nil {
		return fmt.Errorf("follow the log: %w", err)
	}
	defer func() { _ = sub.Close() }()
	caches := []interface {
		start(p eventstore.Position)
		pass(p eventstore.Position)
		stop()
	}{w.keys, w.merchants, w.channels, w.customers, w.imports}
	for _, c := range caches {
		c.start(head)
		defer c.stop()
	}
	if w.Probe > 0 {
		w.trust.reset(head)
		inner, stop := context.WithCancel(ctx)
		probing := make(chan struct{})
		go func() {
			defer close(probing)
			w.probe(inner)
		}()
		defer func() {
			stop()
			<-probing
		}()
	}
	for {
		batch, err := sub.Next(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, eventstore.ErrClosed) {
				return ctx.Err()
			}
			return fmt.Errorf("follow the log: %w", err)
		}
		if n := len(batch.Records); n > 0 {
			for _, c := range caches {
				c.pass(batch.Records[n-1].Position)
			}
		}
		for i := range batch.Records {
			r := &batch.Records[i]
			if r.Type == (transaction.Conflicted{}).EventType() {
				w.observe("conflict")
			}
			switch category, _, _ := strings.Cut(r.Stream, "-"); category {
			case "apikey":
				w.keys.drop(r.Stream, r.Revision)
			case "merchant":
				w.merchants.drop(r.Stream, r.Revision)
			case "channel":
				w.channels.drop(r.Stream, r.Revision)
			case "customer":
				w.customers.drop(r.Stream, r.Revision)
				w.heardOfErasure(ctx, r)
			}
		}
		if n := len(batch.Records); n > 0 {
			w.trust.heard(batch.Records[n-1].Position)
		}
		w.trust.heard(batch.Checkpoint)
	}
}

// heardOfErasure drops the opened keys of a customer who was erased, on whatever node that was.
func (w *WriteSide) heardOfErasure(ctx context.Context, r *eventstore.Record) {
	if r.Type != (customer.Erased{}).EventType() {
		return
	}
	env, err := w.log.Decode(ctx, *r)
	if e, ok := env.Event.(customer.Erased); ok && err == nil {
		w.forgetKeys(e.Keys()...)
	}
}
