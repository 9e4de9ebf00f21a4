// Package reactor holds what events set off later: status queries of pending pushes and open card pages, expiry, and the
// second half of what a crash cut short.
//
// A reactor follows the log from a checkpoint that trails behind whatever is not dealt with yet, so that a restart picks
// up where it was, and decides by folding the stream. Everything it does may be done twice, by two nodes at once, without
// effect: it goes through the same commands as everything else. Start with reactor.go; tasks.go is the queue, watch.go
// says which event sets off what, expiry.go trails the log by the checkout's window,
// funds.go adds up what channels can pay out, pulls.go asks M-Pesa for the payments that nobody has told of.
package reactor
