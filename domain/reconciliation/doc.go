// Package reconciliation holds the rules by which a provider's or a bank's statement is compared with the books: which
// line is which payment, why the two totals differ, and whether the statement's own balance adds up.
//
// Two promises rule it. Every line and every amount in the books counts exactly once, so that explained + unexplained =
// statement − books, to the cent (Totals.Check holds it to that). And nothing is matched by resemblance: where more than
// one candidate fits, none is taken, and the line stays unexplained, with the candidates named.
//
// Start reading at matcher.go: it tells the order of the stages. receipts.go, references.go, phones.go and settlements.go
// are the stages, leftovers.go says what becomes of the rest, results.go turns decisions into results. balance.go and
// proof.go are about balances. The package faults makes a month of business with known faults.
//
// No text that this package writes holds personal data: no phone, no name, no account reference.
package reconciliation
