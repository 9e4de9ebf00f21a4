package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands"
)

func TestAnImportIsShownByTheMerchantsClockAndWithSeparators(t *testing.T) {
	shown := func(from, until string) string {
		t.Helper()
		amount := json.RawMessage("4621608.5")
		v := commands.ImportView{
			ID: 1, Source: "mpesa_statement", Status: "done", Counted: true, Currency: "KES", TimeZone: "Africa/Nairobi", From: &from, Until: &until,
			Statement: amount, Booked: amount, Difference: json.RawMessage("-421065"), Explained: amount, Unexplained: json.RawMessage("0"),
		}
		var out strings.Builder
		if err := printImport(&out, &v); err != nil {
			t.Fatal(err)
		}
		if err := printImports(&out, []commands.ImportView{v}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for _, c := range []struct{ from, until, want string }{
		{"2025-10-31T21:00:00.000Z", "2025-11-30T21:00:00.000Z", "2025-11-01 to 2025-11-30"},
		{"2025-10-31T21:00:00.000Z", "2025-11-01T21:00:00.000Z", "2025-11-01"},
		{"2025-10-31T21:00:00.000Z", "2025-11-01T09:30:00.000Z", "2025-11-01 00:00 +03:00 to 2025-11-01 12:30 +03:00"},
	} {
		out := shown(c.from, c.until)
		if !strings.Contains(out, "Period         "+c.want+"\n") || strings.Count(out, c.want) != 2 {
			t.Errorf("want %s: %s", c.want, out)
		}
		if !strings.Contains(out, "KES 4,621,608.50") || !strings.Contains(out, "KES -421,065.00 = explained KES 4,621,608.50 + unexplained KES 0.00") {
			t.Errorf("the amounts: %s", out)
		}
	}
}
