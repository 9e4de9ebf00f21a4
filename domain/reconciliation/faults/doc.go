// Package faults makes a month of invented business at one M-Pesa shortcode, as the books and as the provider's statement
// have it, with every kind of fault in known numbers. The tests of reconciliation find them all again; demonstrations use
// the same months. Everything follows from the seed of the Plan.
//
// Start reading at plan.go.
package faults
