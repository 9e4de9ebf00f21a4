// Package esdb is the event store on EventStoreDB or KurrentDB, through the official client.
//
// What it promises is the contract of package eventstore, and beside it:
//
//   - Positions are commit positions. They have gaps: only one that an event or a checkpoint had, zero and EndPosition
//     are places to start from.
//   - EventStoreDB's own events, and the streams subjectkey-* that hold the key store, are no events of ours: reads,
//     subscriptions and Head leave them out.
//   - A call whose outcome is unknown (no answer in time, a connection lost) is made again with the same event ids at the
//     same revision, so that it happens once, until its context or Options.Deadline ends. Only an append at AnyRevision
//     that may have reached the server is not.
//   - A subscription whose connection is lost connects again by itself and goes on after what it last delivered.
//
// Reads, subscriptions and deletes are the official client's. Appends go over one call (pipeline.go) where the server
// takes them so, because the client would make a call for each; which node to talk to is found out here (discover.go).
//
// Where to start reading: store.go, then call.go for what surrounds every call, link.go for how the official client is
// kept from hurting us, append.go and subscribe.go.
package esdb
