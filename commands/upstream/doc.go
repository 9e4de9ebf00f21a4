// Package upstream is what the clients of the payment providers share: reading JSON that others write, telling a call that was never
// sent from one whose outcome is unknown, and keeping a provider that is down, or one channel's flood of calls, from holding up
// the rest.
//
// What must not live here: anything that only one provider does. Start reading at gate.go.
package upstream
