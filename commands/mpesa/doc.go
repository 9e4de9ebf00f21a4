// Package mpesa speaks to Safaricom's Daraja API: STK push and its status query, C2B URL registration, the APIs of
// initiators (reversal, B2C, transaction status, account balance), Pull Transactions, and the decoding of what Daraja posts
// back. It decides nothing about payments: what a result means for a transaction is the domain's matter. M-Pesa's own words
// (CheckoutRequestID, MpesaReceiptNumber) stay inside this package.
//
// Two questions rule it. Did anything reach Daraja? Error.Kind answers: Rejected and NotSent are certain, Unknown is
// not, and an unknown push, reversal or payout is never sent again. And is this news? Only a result in the tables of
// codes.go and initiator_codes.go is; everything else leaves a payment, a reversal or a payout pending.
//
// Start reading at push.go, then call.go for how a request is carried out and gate.go of package upstream for how its fate is known; at
// initiator.go for what is answered twice, at once and at ResultURL, and result.go for the second answer.
package mpesa
