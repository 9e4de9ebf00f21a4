package esdbserver

import (
	"context"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/benfex/kipay/eventstore"
)

// serve serves a subscription until the client ends it or the server stops. What it has not sent yet it has not read
// yet: a client that does not take its events is waited for, and costs one batch.
func (r *reading) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.streams.life, func() { cancel(errStopping) })() //nolint:contextcheck // Stop ends it too
	var err error
	if r.all {
		err = r.followAll(ctx)
	} else {
		err = r.followStream(ctx)
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// followAll delivers what is in $all after the place to start from.
func (r *reading) followAll(ctx context.Context) error {
	head, err := r.streams.store.Head(ctx)
	if err != nil {
		return err
	}
	from := r.position
	if r.fromEnd {
		from = head
	}
	// A start beyond the head is legal, and silent until the head has passed it.
	sub, err := r.streams.store.Subscribe(ctx, min(from, head))
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }()
	if err := r.confirm(); err != nil {
		return err
	}
	c := checkpoints{told: from}
	for {
		batch, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		for i := range batch.Records {
			rec := &batch.Records[i]
			if rec.Position <= from {
				continue
			}
			if r.filter.picks(rec) {
				if _, err := r.send(ctx, rec); err != nil {
					return err
				}
			}
			if r.filter != nil && c.looked(rec.Position, r.filter.interval) {
				if err := r.sendCheckpoint(c.told); err != nil {
					return err
				}
			}
		}
		if !batch.CaughtUp {
			continue
		}
		if r.filter != nil && c.rest() {
			if err := r.sendCheckpoint(c.told); err != nil {
				return err
			}
		}
		if err := r.out.SendMsg(&api.ReadResp{Content: &api.ReadResp_CaughtUp_{CaughtUp: &api.ReadResp_CaughtUp{}}}); err != nil {
			return err
		}
	}
}

// checkpoints decides when a filtered subscription is told how far it has come.
type checkpoints struct {
	// told is the newest checkpoint, seen the newest position looked at, since how many events were looked at between.
	told, seen eventstore.Position
	since      int
}

// looked counts an event, and answers true when a checkpoint is due at it.
func (c *checkpoints) looked(at eventstore.Position, interval int) bool {
	c.seen = at
	if c.since++; c.since < interval {
		return false
	}
	c.told, c.since = at, 0
	return true
}

// rest answers true when something was looked at since the last checkpoint, and makes it the new one.
func (c *checkpoints) rest() bool {
	if c.since == 0 {
		return false
	}
	c.told, c.since = c.seen, 0
	return true
}

// followStream delivers what is in one stream after the revision to start from. It listens to the log before it reads
// the stream, so that no event falls between.
func (r *reading) followStream(ctx context.Context) error {
	head, err := r.streams.store.Head(ctx)
	if err != nil {
		return err
	}
	sub, err := r.streams.store.Subscribe(ctx, head)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }()
	last, err := r.startAfter(ctx)
	if err != nil {
		return err
	}
	if err := r.confirm(); err != nil {
		return err
	}
	if last, err = r.catchUp(ctx, last); err != nil {
		return err
	}
	for {
		batch, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		for i := range batch.Records {
			rec := &batch.Records[i]
			if rec.Stream != r.stream || rec.Revision <= last {
				continue
			}
			if _, err := r.send(ctx, rec); err != nil {
				return err
			}
			last = rec.Revision
		}
		if batch.CaughtUp {
			if err := r.out.SendMsg(&api.ReadResp{Content: &api.ReadResp_CaughtUp_{CaughtUp: &api.ReadResp_CaughtUp{}}}); err != nil {
				return err
			}
		}
	}
}

// startAfter is the revision after which the subscription begins.
func (r *reading) startAfter(ctx context.Context) (eventstore.Revision, error) {
	switch {
	case r.fromStart:
		return eventstore.NoStream, nil
	case !r.fromEnd:
		return r.revision, nil
	}
	rec, _, err := r.streams.newest(ctx, r.stream)
	return rec.Revision, err
}

// catchUp sends what the stream holds after the revision, and answers the last one.
func (r *reading) catchUp(ctx context.Context, last eventstore.Revision) (eventstore.Revision, error) {
	var size page
	for last < eventstore.EndRevision {
		ask := size.next(largestPage)
		records, err := r.streams.store.ReadStream(ctx, r.stream, last+1, eventstore.Forward, ask)
		if notFound(err) {
			return last, nil
		}
		if err != nil {
			return last, err
		}
		size.learn(records)
		for i := range records {
			if _, err := r.send(ctx, &records[i]); err != nil {
				return last, err
			}
			last = records[i].Revision
		}
		if len(records) < ask {
			return last, nil
		}
	}
	return last, nil
}

// confirm is the first message of a subscription.
func (r *reading) confirm() error {
	return r.out.SendMsg(&api.ReadResp{Content: &api.ReadResp_Confirmation{Confirmation: &api.ReadResp_SubscriptionConfirmation{
		SubscriptionId: uuid.NewString(),
	}}})
}

func (r *reading) sendCheckpoint(at eventstore.Position) error {
	return r.out.SendMsg(&api.ReadResp{Content: &api.ReadResp_Checkpoint_{Checkpoint: &api.ReadResp_Checkpoint{
		CommitPosition: uint64(at), PreparePosition: uint64(at),
	}}})
}
