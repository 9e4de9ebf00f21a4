package main_test

import (
	"os"
	"strings"
	"testing"

	mpesasim "github.com/benfex/kipay/commands/mpesa/simulator"
	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// Whoever writes a test against the sandbox finds every number that does something of its own.
func TestThePageOfTheSandboxHasEveryMagicNumber(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, s := range mpesasim.Scenarios() {
		numbers = append(numbers, s.MSISDN)
	}
	for _, s := range mpesasim.InitiatorScenarios() {
		numbers = append(numbers, s.MSISDN)
	}
	for _, c := range paystacksim.Cards() {
		numbers = append(numbers, c.Number)
	}
	for _, n := range numbers {
		if !strings.Contains(string(page), "| `"+n+"` |") {
			t.Errorf("nothing is said of %s", n)
		}
	}
}
