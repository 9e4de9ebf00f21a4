// Package simulator is Paystack as an integrator meets it in test mode: initialize, verify and list, the hosted
// checkout page, refunds, disputes, settlements, and signed webhooks, over real HTTP. `kipay sandbox` serves it; the
// tests of the Paystack client run against it.
//
// It shares no code with that client and imports nothing of Kipay, so that a misreading of the protocol on one side
// cannot hide on the other.
//
// Any well-formed test key (sk_test_ and ten or more letters or digits) is an account of its own, except those that
// begin with sk_test_invalid, which are unknown. What happens to a payment is chosen by the card that is typed on the
// page (Cards lists them), or by POST /__sim/next. Faults of the whole API are switched at /__sim/faults. The admin
// routes have no authentication: the simulator belongs on a loopback address or inside a test network.
//
// A refund is pending, processing, then processed, failed or in need of attention, by the card that paid or by a script;
// its webhooks have the habit of the card or of the script, and each tells the state of its own time. Disputes are opened
// by a card or at /__sim/disputes; one that is accepted becomes a refund with the dispute's id. Payments are settled per
// day (UTC) and currency on the next, without fees and refunds (Fees, settlement.go); /__sim/settle does not wait for
// the day to end. All amounts are integers of subunits, and the books balance.
//
// The real Paystack takes the webhook URL of an account in its dashboard. Here it comes from Options (Account.WebhookURL,
// WebhookURLFor) or from POST /__sim/webhooks.
//
// The documents: Paystack's OpenAPI file, its pages Accept Payments, Verify Payments, Webhooks, Test Payments and Rate
// Limits, plus behaviour recorded on the test API. Not confirmed, and the simulator's own choice where it has to make
// one: the fields of settlements, the texts that refuse disputes, that a small or an unsuccessful payment's refund is
// refused in these words, that a partial refund too is reversal-pending meanwhile, and that a dispute's refund is told
// by refund.* events like any other.
//
// Start reading at simulator.go, then cards.go, refund.go and settlement.go.
package simulator
