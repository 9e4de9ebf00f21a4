// Package verifier is a page that checks receipts without a network: one HTML file that a person opens from a disk, or
// that an install serves.
//
// It is the second of two verifiers. It was written from docs/receipt-format.md alone, in another language and on another
// cryptographic library than the first, so that the two agree only where the document says what both do. Nothing in here
// may import the first one, or be copied from it.
//
// Start reading at verifier.html: its first script is the verifier, a function from bytes and keys to a verdict; its
// second is the page's wiring. The tests run both in a real Chromium: the verifier over the test vectors that the
// document names, the page as a person would. The receipts of the tests that the vectors lack are made by issuer_test.go,
// from the document as well. KIPAY_SCREENSHOTS=dir go test writes pictures of the page.
package verifier
