// Package simulator is Safaricom's Daraja as an integrator meets it: OAuth, STK push and query, C2B register and
// simulate, and the callbacks that follow, over real HTTP. `kipay sandbox` serves it; the tests of the M-Pesa client
// run against it.
//
// It shares no code with that client and imports nothing of Kipay, so that a misreading of the protocol on one side
// cannot hide on the other. It is as strict as the provider: same checks, in the same order, same error bodies.
//
// What happens to a push is chosen by the phone number (Scenarios lists the magic ones; any other number pays after
// about two seconds), by POST /__sim/next, or by a person on the page at "/". Faults of the whole service (OAuth down,
// slow, 5xx, short-lived tokens) are switched at /__sim/faults. The admin routes have no authentication: the simulator
// belongs on a loopback address or inside a test network.
//
// The documents: Daraja 3.0 portal, pages Authorization, MpesaExpressSimulate, MpesaExpressQuery,
// CustomerToBusinessRegisterURL and CustomerToBusiness, plus dated field observations of the sandbox. Where they
// disagree, the comment at the place says what was chosen.
//
// Start reading at simulator.go, then scenarios.go.
package simulator
