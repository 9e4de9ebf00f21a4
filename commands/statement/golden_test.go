package statement_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/reconciliation"
)

var update = flag.Bool("update", false, "write the golden files anew")

// plainBank and continentalBank are how two invented banks write.
func plainBank() *statement.Mapping {
	return &statement.Mapping{
		Bank: "Plain Bank", Date: "transaction date", Details: []string{"Narrative"}, Reference: "Cheque No", Debit: "Money Out", Credit: "Money In",
		Balance: "Running Balance", DateLayout: "DD/MM/YYYY", Thousands: ",", Sign: statement.SignColumns, Footer: true,
		Kinds: []statement.KindRule{{Contains: "ledger fee", Kind: reconciliation.KindFee}, {Contains: "PAYSTACK", Kind: reconciliation.KindSettlement}},
	}
}

func continentalBank() *statement.Mapping {
	return &statement.Mapping{
		Bank: "Continental Bank", Encoding: statement.Windows1252, Delimiter: ";", Date: "Datum", Details: []string{"Text"}, Amount: "Betrag", Balance: "Saldo",
		Currency: "Währung", SignName: "S/H", Sign: statement.SignWord, DebitWords: []string{"S"}, CreditWords: []string{"H"},
		DateLayout: "D.M.YYYY", UTCOffset: "+01:00", Decimal: ",", Thousands: ".",
	}
}

func TestGoldenStatements(t *testing.T) {
	bank := reconciliation.SourceBank
	for name, o := range map[string]statement.Options{
		"mpesa_portal.csv":           {Format: statement.MpesaCSV},
		"mpesa_older.csv":            {Format: statement.MpesaCSV, Account: "600000"},
		"mpesa_serials.csv":          {Format: statement.MpesaCSV},
		"paystack_transactions.csv":  {Format: statement.PaystackTransactionsCSV, Account: "channel 3"},
		"paystack_transactions.json": {Format: statement.PaystackTransactionsJSON, Account: "channel 3"},
		"paystack_settlements.csv":   {Format: statement.PaystackSettlementsCSV},
		"paystack_settlements.json":  {Format: statement.PaystackSettlementsJSON},
		"bank_plain.csv":             {Format: statement.BankCSV, Source: bank, Bank: plainBank(), Account: "0100000000"},
		"bank_continental.csv":       {Format: statement.BankCSV, Source: bank, Bank: continentalBank(), Encoding: statement.Windows1252},
		"bank.mt940":                 {Format: statement.BankMT940, Source: bank},
		"bank_camt02.xml":            {Format: statement.BankCAMT053, Source: bank},
		"bank_camt08.xml":            {Format: statement.BankCAMT053, Source: bank},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join("testdata", "statements", name))
			if err != nil {
				t.Fatal(err)
			}
			if found, err := statement.Detect(input(file), o.Source); err != nil || found != o.Format {
				t.Errorf("detected as %q, %v; want %q", found, err, o.Format)
			}
			lines, header, summary := read(t, input(file), o)
			var b bytes.Buffer
			out := json.NewEncoder(&b)
			out.SetEscapeHTML(false)
			out.SetIndent("", " ")
			if err := out.Encode(map[string]any{"header": header, "lines": lines, "summary": summary}); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "golden", name+".json")
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("golden (-want +got):\n%s", diff)
			}
		})
	}
}
