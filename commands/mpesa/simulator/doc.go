// Package simulator is Safaricom's Daraja as an integrator meets it: OAuth, STK push and query, C2B register and
// simulate, the APIs of initiators (reversal, B2C, transaction status, account balance), Pull Transactions, and the
// callbacks that follow, over real HTTP; and the organisation portal's statement. `kipay sandbox` serves it; the tests of
// the M-Pesa client run against it.
//
// It shares no code with that client and imports nothing of Kipay, so that a misreading of the protocol on one side
// cannot hide on the other. It is as strict as the provider: same checks, in the same order, same error bodies.
//
// What happens to a push is chosen by the phone number (Scenarios lists the magic ones; any other number pays after
// about two seconds), by POST /__sim/next, or by a person on the page at "/". What happens to a reversal or a payout is
// chosen by the phone number of whoever gets the money (InitiatorScenarios). Everything that moves is kept in one book
// (ledger.go), which status queries, pulls and statements are read from. Faults of the whole service (OAuth down, slow,
// 5xx, short-lived tokens) are switched at /__sim/faults. The admin routes have no authentication: the simulator belongs
// on a loopback address or inside a test network.
//
// The documents: Daraja 3.0 portal, pages Authorization, MpesaExpressSimulate, MpesaExpressQuery,
// CustomerToBusinessRegisterURL, CustomerToBusiness, Reversal, BusinessToCustomer, TransactionStatus, AccountBalance and
// PullTransaction, plus dated field observations of the sandbox. Where they disagree, the comment at the place says what
// was chosen.
//
// Start reading at simulator.go, then scenarios.go; for initiators at order.go, then order_plan.go.
package simulator
