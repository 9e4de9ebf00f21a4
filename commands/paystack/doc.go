// Package paystack speaks to Paystack's API: opening a checkout, asking what became of it, refunds, disputes, lists of
// transactions and settlements, and reading its webhooks. It decides nothing about payments: what a status means for a
// transaction is the domain's matter.
//
// A payment is paid only if Verify, or a signed webhook, says success and amount, currency, reference and domain are
// the ones expected; the caller compares them. A reference can be used once: an initialize whose answer was lost is
// found again with Verify, and continued under a new reference.
//
// What moves money the other way has no reference of ours that would make it unique: a refund, or the answer to a
// dispute, is sent once, and after an unknown outcome asked after with ListRefunds or FetchDispute. A webhook about one
// says that there is news; FetchRefund and FetchDispute say which.
//
// Amounts are integer subunits on the wire, which are money's minor units. Start reading at initialize.go and verify.go,
// then refund.go, disputes.go and settlements.go, and call.go for how a request is carried out.
package paystack
