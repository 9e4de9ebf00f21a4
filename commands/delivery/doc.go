// Package delivery is what the providers' simulators deliver with: a Scheduler of what is to be sent at its time, and a Log of what was
// sent and how it was answered. It knows nothing of what is sent, and of HTTP; those are the simulators'. deliverytest has a clock for
// tests.
package delivery
