// Package readapi answers what merchants ask: one file per question. It never appends, and never decides anything.
//
// Start with register.go (the routes and what they need) and freshness.go (how new an answer is):
//
//   - verify.go and stk_status.go tell the truth as of now. They answer from the projector's memory only what is
//     completed and at least as new as what the caller has seen; everything else they fold from the log, so they work
//     while ClickHouse is away.
//   - list_*.go ask the read models, after waiting until those have come as far as the caller has written or been told.
//
// A key sees the transactions of its own mode: test keys what was paid in test mode, live keys what moved real money.
// Customers and payment channels belong to the merchant and are seen by both.
//
// What must not live here: anything that changes state (commands), SQL (projections), authentication and the mapping of
// errors to HTTP (web). The checkout and dashboard pages have a room of their own, pages/.
package readapi
