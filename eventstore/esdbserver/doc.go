// Package esdbserver is the embedded engine behind EventStoreDB's own gRPC protocol, so that the official clients of any
// language connect to it, and Kipay's adapter (package esdb) can be tried where no EventStoreDB is installed.
//
// It answers as EventStoreDB does where it answers, and UNIMPLEMENTED where it does not. What there is: appends (one by
// one and in batches), reads and catch-up subscriptions of streams and of all, filters, server features, gossip of a
// single node, gRPC's health service. What there is not: users and access lists (whoever reaches the port is served),
// system streams and stream metadata, deletes other than of subjectkey-* streams, tombstones, transactions, links,
// projections, persistent subscriptions.
//
// Where it differs on purpose: positions are 1, 2, 3 …, commit and prepare are equal, and any number is a position to
// start from; one append holds at most eventstore.MaxAppendEvents events, with ids of their own; names and types of
// streams and events are UTF-8 without control characters; a subjectkey-* stream keeps its newest event alone, as with
// the metadata {"$maxCount":1}, and a deleted one is as good as scavenged (subjectkeys.go).
//
// Where to start reading: server.go, then append.go and write.go for the way in, read.go and subscribe.go for the way out.
package esdbserver
