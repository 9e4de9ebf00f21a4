package eventstore

import "context"

// OrderedAppender is a store that takes an append before the one before it is answered, and still carries them out in the
// order in which one goroutine begins them, whatever their streams. So many share a sync, and the global order is the
// caller's. It is for who moves a log; everybody else has Append.
type OrderedAppender interface {
	// BeginAppend checks and queues an append like Append's, and answers how to wait for its outcome. That is to be
	// called once. One that fails does not stop those begun after it. The key store's promise holds: keys put before are
	// durable when an append that was begun after is acknowledged.
	BeginAppend(ctx context.Context, stream string, expected Revision, events ...NewEvent) (wait func(context.Context) (Appended, error), err error)
}
