// Package mpesa speaks to Safaricom's Daraja API: STK push and its status query, C2B URL registration, and the decoding
// of what Daraja posts back. It decides nothing about payments: what a result means for a transaction is the domain's
// matter. M-Pesa's own words (CheckoutRequestID, MpesaReceiptNumber) stay inside this package.
//
// Two questions rule it. Did anything reach Daraja? Error.Kind answers: Rejected and NotSent are certain, Unknown is
// not, and an unknown push is never sent again. And is this news? Only a status query that names a result in the table
// of codes.go is; everything else leaves a payment pending.
//
// Start reading at push.go, then call.go for how a request is carried out and gate.go for how its fate is known.
package mpesa
