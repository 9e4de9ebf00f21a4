// Package projections keeps the read models in ClickHouse: it follows the log of events, builds rows with the domain's
// own Evolve, and writes them in batches. It also answers the queries that the read side asks of them.
//
//   - projector.go is the loop: subscribe from the checkpoint, build, write, tell who waits. build.go turns one event
//     into rows, fold.go keeps the states of streams, tally.go the counters. Each table has a file rows_*.go with the one
//     pure function that makes its rows.
//   - schema/ holds the SQL: numbered migrations of the bookkeeping, and the tables and views of a generation.
//     generation.go makes, serves and drops generations.
//   - rebuild.go builds a new generation beside the one that serves and swaps it in; verify.go compares the one that
//     serves with a fresh one, row by row where checksums differ.
//   - reader.go, list_*.go are the queries. follower.go tells nodes that don't project how far they may look, by what
//     progress.go tells; cluster.go writes the schema for ClickHouse clusters.
//
// What keeps the rows right:
//
//   - A row is keyed by identity and versioned by the position of the event that it shows, so that writing it again, or
//     twice at once, changes nothing. Sort keys of a row never change.
//   - The checkpoint is stored after all that it covers. What a crash leaves between the two is written again.
//   - A counter holds an absolute value and the position of the last event in it; an event at or before that position
//     is never counted again.
//   - Nothing is skipped. While ClickHouse is away the projector tries again for ever; an event that can't be decoded
//     stops it, with the reason in Ready and in the metrics.
//
// What must not live here: appends to the log, HTTP, anything about where ClickHouse runs (chdb has the embedded engine,
// server the connection to others).
package projections
