// Package payout holds the rules of payouts: money of a merchant's that leaves a payment channel for its bank account, till
// or phone. A payout's stream is payout-{reference}. What a channel has left to pay out is kept in two streams beside it:
// payoutcount-{channel}-{currency}, what its payments add up to, and payoutfunds-{channel}-{currency}, what payouts have
// taken of that. The limits above which a second person has to agree are payoutpolicy-{merchant}, that of merchant 0 for
// all who have none of their own.
//
// Start with payout.go (State, Evolve); request.go is the beginning, send.go what a provider says, funds.go how two at once
// never take more than there is.
package payout
