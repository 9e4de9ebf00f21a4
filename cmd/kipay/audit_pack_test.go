package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pack writes an audit pack of the merchant's test books, and answers the file.
func (m *merchant) pack(t *testing.T, month string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pack.zip")
	m.cli(t, "audit", "pack", "--month", month, "--merchant", m.id, "--mode", "test", "-o", file)
	return file
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnAuditPackOfAMonthIsCheckedWithNothingButItAndTheKey(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"HEAD_EVERY": "200ms", "EVENTSTORE": "embedded"}))
	m := newShop(t, in)
	m.registerC2B(t)
	m.fees(t, m.mpesa, `{"provider":{"parts":5500},"own":{"fixed":500}}`)
	before := m.statement(t, "")
	now := time.Now().In(time.FixedZone("EAT", 3*3600))
	month, last := now.Format("2006-01"), now.AddDate(0, 0, -now.Day()).Format("2006-01")
	m.cli(t, "period", "close", last, "--merchant", m.id, "--mode", "test")
	closed := m.pack(t, last)
	paid := m.push(t, phone(), "700")
	m.settles(t, paid, "completed", 15*time.Second)
	other := newShop(t, in) // whose events lie in between
	other.settles(t, other.push(t, phone(), "90"), "completed", 15*time.Second)
	m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":55,"phone_number":"254700060005","reference":"NOBODY"}`).want(t, 200, nil)
	var file string
	eventually(t, 15*time.Second, "the statement shows both", func() error {
		if file = m.statement(t, ""); strings.Count(file, "\n") < strings.Count(before, "\n")+2 {
			return fmt.Errorf("%s", file)
		}
		return nil
	})
	m.imported(t, file, "done")
	key := in.proofKey(t)

	open := m.pack(t, month)
	said := in.cli(t, "audit", "verify-pack", open, "--key", key)
	for _, want := range []string{"has sealed this audit pack", "The trial balance in KES", "1 statements were compared", "NOT CLOSED"} {
		if !strings.Contains(said, want) {
			t.Errorf("the verdict lacks %q:\n%s", want, said)
		}
	}
	raw := readFile(t, open)
	for _, name := range []string{"Wanjiku", "254700060005"} {
		if bytes.Contains(raw, []byte(name)) {
			t.Errorf("%s is in the pack", name)
		}
	}
	readings := m.get("/api/audit/events?type=AuditDataRead")
	for _, what := range []string{"audit pack " + last + " test", "audit pack " + month + " test"} {
		if n := strings.Count(readings.raw, `"what":"`+what+`"`); n != 1 || !strings.Contains(readings.raw, `"reader":"operator"`) {
			t.Errorf("%q was noted %d times: %v", what, n, readings)
		}
	}
	if r := other.get("/api/audit/events?type=AuditDataRead"); strings.Contains(r.raw, "audit pack") {
		t.Errorf("another merchant is told of it: %v", r)
	}

	// The pack of a closed month stays the same, beside the server and alone.
	if !bytes.Equal(readFile(t, closed), readFile(t, m.pack(t, last))) {
		t.Error("the pack of a closed month is another one when it is made again")
	}
	in.terminate(t, 30*time.Second)
	if !bytes.Equal(readFile(t, closed), readFile(t, m.pack(t, last))) {
		t.Error("the pack of a closed month is another one when no server runs")
	}
	if again := in.cli(t, "audit", "verify-pack", open, "--key", key); again != said {
		t.Errorf("with the server stopped: %s", again)
	}
	if said := in.cli(t, "audit", "verify-pack", closed, "--key", key); !strings.Contains(said, "The month was closed at") {
		t.Error(said)
	}
	at := bytes.Index(raw, []byte(",sales,KES,"))
	if at < 0 {
		at = bytes.Index(raw, []byte("\nsales,KES,"))
	}
	raw[at+len(",sales,KES,")] ^= 1
	altered := writeFile(t, string(raw))
	in.fails(t, 3, "trial-balance.csv", "audit", "verify-pack", altered, "--key", key)
	in.fails(t, 2, "verifier key is required", "audit", "verify-pack", open)
	in.fails(t, 2, "has not begun", "audit", "pack", "--month", "2999-01", "--merchant", m.id, "--mode", "test", "-o", filepath.Join(t.TempDir(), "x"))
	in.fails(t, 2, "--month", "audit", "pack", "--month", "october", "-o", "x")
}
