// Package eventstore is the seam between Kipay and its log of events.
//
//   - store.go, errors.go and keystore.go are the contract that engines hold: bytes in, bytes out, in order, durable.
//     storetest is the suite that says so; embedded is the engine on one machine.
//   - record.go, codec.go, catalogue.go and keyring.go turn domain events into those bytes and back: types, versions,
//     upcasters, and the sealing of personal fields.
//   - log.go puts both together; it is what commands and projections use.
//
// What must not live here: rules about payments (domain), SQL (projections), HTTP.
package eventstore
