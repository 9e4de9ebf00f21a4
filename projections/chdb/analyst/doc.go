// Package analyst is the read-only port for analysts on the embedded engine: ClickHouse's HTTP protocol, for ClickHouse's
// own clients, in front of the child that holds the engine (package chdb).
//
// # What lives here
//
//   - options.go says who is asked about tokens, what may be read and how much; port.go listens and routes.
//   - credentials.go takes the token out of a request, statement.go the statement, ask.go hands both to the child and the
//     answer back, compress.go packs answers as the client asks, exception.go words errors.
//   - turns.go lets a token run a few statements at once and others wait, buckets.go counts how often something may happen.
//
// # Who decides what
//
// This side has the keys and knows the people: it authenticates, decides which databases a token may read, and writes that
// into a chdb.Grant. The child has neither; it reads every statement before it runs (package chdb/confine) and holds the
// limits. A statement's text is neither logged nor kept on this side, only a keyed hash of it: literals are personal data.
package analyst
