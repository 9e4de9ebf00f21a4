// Package pages is the hosted checkout: what a customer sees at /payment/checkout/{reference}, in English and Swahili,
// with and without JavaScript.
//
// It holds the HTML (templates), the words (catalogue), the looks (assets) and the handlers that put them together.
// It decides nothing about payments: what a payment is and what may be done with it comes through the Checkout
// interface, which cmd wires to the write side. Nothing here sets a cookie, except the language a customer picks, and
// nothing is fetched from anybody else.
//
// Start reading at checkout.go (the interface), then routes.go (what answers which path). The script,
// assets/checkout.js, only adds to pages that are complete without it: it submits, counts down, polls, and swaps the
// main element for the one that the server renders.
//
// A new text goes into every file in catalogue, a new failure code into failureCodes as well, a new colour into both
// themes of assets/checkout.css and into the pairs of contrast_test.go. KIPAY_SCREENSHOTS=dir go test writes a picture
// of every phase.
package pages
