// Package lease lets one node at a time do what only one should do, and another take over when that one is gone.
//
// A lease is the newest event of the stream lease-{role}: who holds it. Taking and renewing it are appends at the exact
// revision that was read, so that of two nodes one wins. No two clocks are compared: a node that stands by takes the lease
// when the stream has not changed for TTL by its own clock; the holder stops its work a moment before TTL has passed, by
// its own, since it began the last renewal that succeeded. What is done under a lease must be harmless when done twice
// all the same: a holder that was suspended finds out late.
//
// Engines that several nodes share leave these streams out of what is read and subscribed to across streams
// (eventstore.LeasePrefix): they are no facts about payments, and nothing is built on them.
//
// lease.go is the holder's and the waiter's loop, record.go the events.
package lease
