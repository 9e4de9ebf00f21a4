// Package web is the Fiber app itself: who calls, how often they may, which id a request has, what an error looks like,
// what is logged and counted. It knows no use case; commands and readapi register their routes on it and never
// import it.
//
// # The way of a request
//
// On every path: request id, log and metrics, recover. Below /api then, in this order:
//
//  1. authentication: a key that isn't known counts against the client's network and answers 401, or 429 once there
//     were too many of them; a known key is never held up by what others on its network do;
//  2. the rate limit of the key;
//  3. the content type and the body, which is not read off the connection before this point;
//  4. the handler.
//
// Every answer that passed the first step shows the key's X-RateLimit-Limit, -Remaining and -Reset; a 401, and the 429 that
// follows too many of them, show those of the failures. An unknown path below /api answers 401 without a key (the routes are not shown to strangers) and 404 with one.
//
// # What handlers find
//
// c.UserContext() carries the domain.Request and, below /api, the domain.Caller. It ends when the request has taken
// too long and when the server stops hard, but not when the client goes away: fasthttp doesn't notice. Nothing stops a
// handler that doesn't look at it. It ends too when the handler returns, unless the answer is a stream; work that goes on
// needs context.WithoutCancel.
//
// Strings and bodies from fiber.Ctx may be kept: the app runs with Immutable, because a reference that changes
// under a cache or an event is worth more than the few hundred nanoseconds that the copies cost (BenchmarkOverhead).
//
// Handlers return errors, domain.Error wherever there is one, and write no error answers of their own. errors.go holds
// the one table.
//
// Start reading at server.go, then exchange.go and gate.go.
package web
