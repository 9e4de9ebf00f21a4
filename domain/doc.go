// Package domain is the vocabulary that every room of Kipay shares: what an event, a command and a state are, the one
// error type, who is calling, and values that are personal.
//
// The packages below it hold the rules (transaction, channel, customer, merchant, receipt) and the values they speak
// of (money, phone). All of it is pure: no I/O, no clock, no randomness, no logging, no HTTP. What a rule needs of
// those comes in with the command. Start reading at transaction/state.go.
package domain
