// Package commands is the write side: one file a use case, each the request with its validation, the call, the answer.
//
// Start with handle.go (fold, decide, append, try again), then write_side.go (what the use cases share, and the routes),
// then any use case: initialize_transaction.go is the shortest way from a request to an event. Providers are called
// between two appends, never inside a decide. reactor/ sets things off later: status queries, expiry, what a crash cut
// short. mpesa/ and paystack/ are the providers' clients.
//
// What must not live here: reads of ClickHouse, rules about payments (domain), HTTP statuses of errors (cmd's web maps
// domain errors).
package commands
