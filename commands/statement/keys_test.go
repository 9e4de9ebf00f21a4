package statement_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

// part is a file of some lines of a month, under its own row numbers.
func part(t *testing.T, m *faults.Month, lines []reconciliation.Line) []byte {
	t.Helper()
	h := headerOf(m)
	h.Opening, h.Closing, h.PaidIn, h.TakenOut = nil, nil, nil, nil
	var b bytes.Buffer
	if err := statement.WriteMpesaCSV(&b, h, slices.Values(lines)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOverlappingFilesGiveTheSameKeys(t *testing.T) {
	month := faults.Make(faults.Usual(5, 1000, 10)) // with lines that stand there twice
	whole, _, _ := read(t, input(part(t, &month, month.Lines)), statement.Options{})
	n := len(month.Lines)
	first, _, _ := read(t, input(part(t, &month, month.Lines[:2*n/3])), statement.Options{})
	second, _, _ := read(t, input(part(t, &month, month.Lines[n/3:])), statement.Options{})
	turned := slices.Clone(month.Lines)
	slices.Reverse(turned)
	backwards, _, _ := read(t, input(part(t, &month, turned)), statement.Options{})

	known := map[string]statement.Line{}
	for _, l := range whole {
		known[l.Key] = l
	}
	if len(known) != n {
		t.Fatalf("%d keys for %d lines", len(known), n)
	}
	seen := map[string]bool{}
	for _, l := range slices.Concat(first, second, backwards) {
		k, ok := known[l.Key]
		if !ok || k.Receipt != l.Receipt || k.Amount() != l.Amount() || !k.CompletedAt.Equal(l.CompletedAt) {
			t.Fatalf("line %d: %q is another line's key, or nobody's", l.Number, l.Key)
		}
		seen[l.Key] = true
	}
	if len(seen) != n || len(first)+len(second) <= n {
		t.Errorf("%d of %d lines seen", len(seen), n)
	}
}

func TestWhatIsDifferentHasAnotherKeyOrFingerprint(t *testing.T) {
	const good = "SKA1B2C3D1,02-11-2025 09:15:02,02-11-2025 09:15:01,Pay Bill,Completed,100.00,,100.00,true,Pay Bill Online,25470****108 - SAMPLE PAYER,,INV001"
	one := func(row string, o statement.Options) statement.Line {
		lines, _, _ := read(t, input([]byte(mpesaNames+row+"\n")), o)
		if len(lines) != 1 {
			t.Fatalf("%q gives %d lines", row, len(lines))
		}
		return lines[0]
	}
	base := one(good, statement.Options{})
	for name, test := range map[string]struct {
		old, new         string
		key, fingerprint bool // whether it changes
	}{
		"receipt":       {"SKA1B2C3D1", "SKA1B2C3D2", true, true},
		"completed":     {"02-11-2025 09:15:02", "02-11-2025 09:15:03", true, true},
		"paid in":       {"100.00,,100.00", "101.00,,100.00", true, true},
		"side":          {"100.00,,100.00", ",100.00,100.00", true, true},
		"reason":        {"Pay Bill Online", "Pay Utility", true, true},
		"status":        {"Completed", "Cancelled", false, true},
		"balance":       {",100.00,true", ",99.00,true", false, true},
		"initiated":     {"02-11-2025 09:15:01", "02-11-2025 09:14:01", false, true},
		"linked":        {"PAYER,,INV001", "PAYER,SKA1B2C3D9,INV001", false, true},
		"account":       {"INV001", "INV002", false, false},
		"party":         {"SAMPLE PAYER", "OTHER PAYER", false, false},
		"thousands":     {"100.00,,", "100,,", false, false},
		"order of date": {"02-11-2025 09:15:02", "2025-11-02 09:15:02", false, false},
	} {
		l := one(strings.Replace(good, test.old, test.new, 1), statement.Options{})
		if (l.Key != base.Key) != test.key || (l.Fingerprint != base.Fingerprint) != test.fingerprint {
			t.Errorf("%s: %q and %q, fingerprints %q and %q", name, base.Key, l.Key, base.Fingerprint, l.Fingerprint)
		}
	}
	if l := one(good, statement.Options{Account: "another till"}); l.Key == base.Key {
		t.Error("two accounts share a key")
	}
}
