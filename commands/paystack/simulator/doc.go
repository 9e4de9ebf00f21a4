// Package simulator is Paystack as an integrator meets it in test mode: initialize, verify and list, the hosted
// checkout page, and signed webhooks, over real HTTP. `kipay sandbox` serves it; the tests of the Paystack client run
// against it.
//
// It shares no code with that client and imports nothing of Kipay, so that a misreading of the protocol on one side
// cannot hide on the other.
//
// Any well-formed test key (sk_test_ and ten or more letters or digits) is an account of its own, except those that
// begin with sk_test_invalid, which are unknown. What happens to a payment is chosen by the card that is typed on the
// page (Cards lists them), or by POST /__sim/next. Faults of the whole API are switched at /__sim/faults. The admin
// routes have no authentication: the simulator belongs on a loopback address or inside a test network.
//
// The real Paystack takes the webhook URL of an account in its dashboard. Here it comes from Options (Account.WebhookURL,
// WebhookURLFor) or from POST /__sim/webhooks.
//
// The documents: Paystack's OpenAPI file, its pages Accept Payments, Verify Payments, Webhooks, Test Payments and Rate
// Limits, plus behaviour recorded on the test API.
//
// Start reading at simulator.go, then cards.go.
package simulator
