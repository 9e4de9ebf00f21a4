package commands_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/eventstore"
)

// A bank passes on what the payer of a transfer typed as its reference. The bank's own codes stand in the event.
func TestWhatAPayerWroteAsAReferenceIsSealed(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.write.Books, w.write.StagingDir = booksOf{world: w}, t.TempDir()
	typed := []string{"Jane Doe rent", "JANEDOE1990", "0712345678", "+254 712 345 678", "jane@example.com", "RENT"}
	codes := []string{"FT25318KQ7", "QGR7I8K2ZZ", "TRF/INV-2025/001", "000123"}
	var file bytes.Buffer
	file.WriteString("Date,Reference,Narration,Amount\n")
	for _, reference := range append(typed, codes...) {
		file.WriteString("23/11/2026," + reference + ",Transfer,70.00\n")
	}
	path := filepath.Join(t.TempDir(), "bank.csv")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f := commands.StatementFile{Merchant: w.merchant, Mode: w.mode, Source: reconciliation.SourceBank}
	f.Bank, f.Account = "Benki", "Benki"
	f.Options.Bank = &statement.Mapping{Bank: "Benki", Date: "Date", DateLayout: "DD/MM/YYYY", Reference: "Reference", Details: []string{"Narration"}, Amount: "Amount"}
	v, err := w.write.ImportFile(t.Context(), path, f, commands.StatementOptions{Source: "bank", Account: "Benki"}, nil)
	if err != nil || v.Differences != len(typed)+len(codes) {
		t.Fatalf("%+v, %v", v, err)
	}
	imp, err := commands.Fold[journal.State](t.Context(), w.write, journal.Stream(v.ID))
	if err != nil {
		t.Fatal(err)
	}
	for n, i := range imp.State.Items() {
		switch isTyped := n < len(typed); {
		case isTyped && (i.Receipt != "" || !bytes.Contains([]byte(i.Words), []byte(typed[n]))):
			t.Errorf("%q: the receipt is %q, the words are %s", typed[n], i.Receipt, i.Words)
		case !isTyped && i.Receipt != codes[n-len(typed)]:
			t.Errorf("%q: the receipt is %q", codes[n-len(typed)], i.Receipt)
		}
	}
	records, err := w.store.ReadAll(t.Context(), 0, eventstore.Forward, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		for _, text := range typed {
			if bytes.Contains(r.Data, []byte(text)) {
				t.Errorf("%s holds %q", r.Type, text)
			}
		}
	}
}
