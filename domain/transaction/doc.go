// Package transaction holds the rules of a payment: how it is opened, how the customer is asked for the money, and which
// evidence moves it where.
//
// Start with state.go (what a transaction is), then evidence.go (the one table of what counts for what) and weigh.go
// (how a piece of evidence becomes events). Each command has a file of its own. Everything is pure: time, ids, tokens and
// digests come in with the command; receipts are claimed elsewhere (domain/receipt) before they get here.
package transaction
