package eventstore

import "context"

// OrderedAppender is a store that takes an append before the one before it is answered, and still carries them out in the
// order in which they are begun, whatever their streams. So many share a sync, and the global order is the caller's. It is for
// who moves a log; everybody else has Append.
type OrderedAppender interface {
	// InOrder is where appends are begun in order.
	InOrder(ctx context.Context) (OrderedAppends, error)
}

// OrderedAppends takes appends from one goroutine at a time. Of those that were begun and not answered when a connection is
// lost, the first ones were carried out, perhaps none or all; it takes no more then (ErrUnavailable). Who begins the others
// again does that in the same order, on another one.
type OrderedAppends interface {
	// BeginAppend checks and queues an append like Append's, and answers how to wait for its outcome. That is to be
	// called once. One that is refused does not stop those begun after it. The key store's promise holds: keys put before are
	// durable when an append that was begun after is acknowledged.
	BeginAppend(ctx context.Context, stream string, expected Revision, events ...NewEvent) (wait func(context.Context) (Appended, error), err error)
}
