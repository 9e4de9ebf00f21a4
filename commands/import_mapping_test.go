package commands_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	rightMapping = `{"bank":"Benki","date":"Date","date_layout":"DD/MM/YYYY","details":["Narration"],"amount":"Amount"}`
	wrongMapping = `{"bank":"Benki","date":"Date","date_layout":"MM/DD/YYYY","details":["Narration"],"amount":"Amount"}`
)

func TestAFileThatIsToBeReadOtherwiseIsAnotherImport(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.write.Books, w.write.StagingDir = booksOf{world: w}, t.TempDir()
	file := filepath.Join(t.TempDir(), "bank.csv")
	if err := os.WriteFile(file, []byte("Date,Narration,Amount\n03/11/2026,Interest,70.00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	send := func(mapping string, more ...string) (int, string) {
		t.Helper()
		fields := append([]string{"source", "bank", "account", "Benki"}, more...)
		if mapping != "" {
			fields = append(fields, "mapping", mapping)
		}
		status, body := w.upload(file, fields...)
		if id := regexp.MustCompile(`"id":(\d+)`).FindStringSubmatch(body); id != nil {
			return status, id[1]
		}
		return status, body
	}
	_, wrong := send(wrongMapping, "Idempotency-Key", "k1")
	if status, body := send(rightMapping, "Idempotency-Key", "k1"); status < 400 || !strings.Contains(body, "another request body") {
		t.Errorf("one key, two mappings: %d %s", status, body)
	}
	if status, id := send(wrongMapping, "Idempotency-Key", "k1"); status != http.StatusAccepted || id != wrong {
		t.Errorf("the same request again: %d %s, want import %s", status, id, wrong)
	}
	status, right := send(rightMapping)
	if status != http.StatusAccepted || right == wrong {
		t.Errorf("the right mapping: %d, import %s after %s", status, right, wrong)
	}
	if _, id := send(""); id != right {
		t.Errorf("the mapping that is kept: import %s, want %s", id, right)
	}
	if _, id := send("", "currency", "UGX"); id == right {
		t.Errorf("another currency is import %s too", id)
	}
	for mapping, want := range map[string]string{
		`{"bank":"Benki","colour":"red"}`: `has no field "colour"`, `{"bank":7}`: "bank can't be a JSON number", `[]`: "must be a JSON object",
		rightMapping + "{}": "must be one JSON object", `{"kinds":[{"contains":7}]}`: "can't be a JSON number",
	} {
		if status, body := send(mapping); status < 400 || !strings.Contains(body, want) {
			t.Errorf("mapping %s: %d %s", mapping, status, body)
		}
	}
}
