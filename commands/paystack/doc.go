// Package paystack speaks to Paystack's API: opening a checkout, asking what became of it, and reading its webhooks. It
// decides nothing about payments: what a status means for a transaction is the domain's matter.
//
// A payment is paid only if Verify, or a signed webhook, says success and amount, currency, reference and domain are
// the ones expected; the caller compares them. A reference can be used once: an initialize whose answer was lost is
// found again with Verify, and continued under a new reference.
//
// Amounts are integer subunits on the wire, which are money's minor units. Start reading at initialize.go and verify.go,
// then call.go for how a request is carried out.
package paystack
