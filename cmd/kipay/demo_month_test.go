package main_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// demonstrated runs the demonstration small, in a folder that is removed, and answers what it wrote.
func demonstrated(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"demo", "month", "--payments", "300"}, args...)...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kipay demo month %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestAMonthOfBusinessIsReconciledClosedAndProved(t *testing.T) {
	t.Parallel()
	out := demonstrated(t, "--seed", "11")
	// Enough of its figures that it can't have become a list of nothings.
	for _, want := range []string{
		"Sun 30 Nov", "KES 2,500,000.00", "unknown payer", "What the statement says at the end of it", "GET /api/reports/summary/lineage",
		"✓ All 36 faults were found", "✓ Nothing else was called a difference", "✓ No line was tied to a payment that is not its own",
		"✓ Statement − books = explained + unexplained", "✓ Debits and credits are equal: KES 8,", "✓ 2025-11 is closed",
		"belongs to 2025-11 and is booked in 2025-12", "✓ The closed month is what it was", "200 of 200 tries", "✓ The log agrees with the checkpoint",
		"is caught", "✓ The pack is verified", "All 37 statements are true", "9. Payouts, and the bank's statement", "*********321    240,000.00  completed",
		"✓ What is above the limit was not sent before the treasurer agreed", "✓ The transfer stands on both statements", "2 statements with their differences",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if n := strings.Count(out, "✓"); n != 37 || strings.Contains(out, "✗") || strings.Contains(out, "\x1b") {
		t.Errorf("%d statements are made", n)
	}
	for _, line := range strings.Split(out, "\n") {
		if n := len([]rune(line)); n > 100 && !strings.Contains(line, "--key") {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	// The same seed makes the same month, but for what time it took and the keys of the log.
	changing := regexp.MustCompile(`[0-9.]+(µs|ms|s)\b|duka\.example/kipay\+[0-9a-f]+\+[A-Za-z0-9+/=]+|[0-9,]+ bytes`)
	if again := demonstrated(t, "--seed", "11"); changing.ReplaceAllString(again, "…") != changing.ReplaceAllString(out, "…") {
		t.Errorf("another month:\n%s", again)
	}
	if t.Failed() {
		t.Log(out)
	}
}
