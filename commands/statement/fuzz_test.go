package statement_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

// seeds adds the samples whose names begin so.
func seeds(f *testing.F, prefix string) {
	f.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "statements", prefix+"*"))
	if err != nil || len(names) == 0 {
		f.Fatal(names, err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(""))
}

// holds reads a file twice, and holds what comes out to what every statement promises.
func holds(t *testing.T, file []byte, o statement.Options) {
	t.Helper()
	f, err := statement.Open(input(file), o)
	if err != nil {
		typed(t, err)
		return
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	keys := map[string]bool{}
	var in, out int64
	lines := 0
	for l := range f.Lines(context.Background()) {
		lines++
		if l.Number < 1 || l.PaidIn.Minor < 0 || l.Withdrawn.Minor < 0 || l.Kind == "" || l.Completed && l.CompletedAt.IsZero() || keys[l.Key] {
			t.Fatalf("%+v", l)
		}
		keys[l.Key] = true
		for _, s := range []string{l.Receipt, l.Linked, string(l.Details), l.Status, l.ReasonType, string(l.Party), string(l.Account), l.Phone()} {
			if !utf8.ValidString(s) || len(s) > 2000 || strings.ContainsRune(s, 0) {
				t.Fatalf("%q", s)
			}
		}
		if e, ok := l.Entry(); ok && (e.Amount.Minor == 0 || e.At.IsZero()) {
			t.Fatalf("%+v", e)
		}
		if l.Completed {
			in, out = in+l.PaidIn.Minor, out+l.Withdrawn.Minor
		}
	}
	if err := f.Err(); err != nil {
		typed(t, err)
		return
	}
	s := f.Summary()
	if s.Lines != lines || s.PaidIn.Minor != in || s.Withdrawn.Minor != out || len(s.SHA256) != 64 {
		t.Fatalf("%d lines, %d in, %d out: %+v", lines, in, out, s)
	}
	for _, c := range s.Checks {
		if !c.Agrees() {
			t.Fatalf("taken though %s", c)
		}
	}
	header, again, err := statement.Inspect(context.Background(), input(file), o)
	if err != nil || again.SHA256 != s.SHA256 || again.Lines != s.Lines || header.Account != f.Header().Account {
		t.Fatalf("the second time: %+v, %v", again, err)
	}
}

// typed holds an error to the kinds that are promised.
func typed(t *testing.T, err error) {
	t.Helper()
	var refused *statement.Refused
	if errors.As(err, &refused) {
		if refused.Count == 0 && len(refused.Totals) == 0 || refused.Count > 0 && (len(refused.Lines) == 0 || refused.Lines[0].Line < 1 || refused.Lines[0].Reason == "") {
			t.Fatalf("%+v", refused)
		}
		return
	}
	for _, kind := range []error{statement.ErrUnknown, statement.ErrOldExcel, statement.ErrTooLarge, statement.ErrDamaged, statement.ErrMapping} {
		if errors.Is(err, kind) {
			return
		}
	}
	t.Fatalf("%T: %v", err, err)
}

func FuzzMpesaCSV(f *testing.F) {
	seeds(f, "mpesa")
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.MpesaCSV})
		holds(t, file, statement.Options{Format: statement.MpesaCSV, Encoding: statement.Windows1252, DateLayout: "D/M/YY"})
	})
}

func FuzzMpesaXLSX(f *testing.F) {
	month := faults.Make(faults.Usual(1, 3, 0))
	f.Add(workbookOf(f, &month, true))
	f.Add(sheetOf(f, sheetBegin+sheetRow(1, "Receipt No.", "Completion Time", "Transaction Status", "Paid In", "Withdrawn")+sheetEnd))
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.MpesaXLSX})
	})
}

// FuzzMpesaSheet fuzzes the XML within a workbook, which a change of the file itself seldom reaches.
func FuzzMpesaSheet(f *testing.F) {
	names := sheetRow(1, "Receipt No.", "Completion Time", "Transaction Status", "Paid In", "Withdrawn", "A/C No.")
	f.Add(sheetBegin + names + sheetRow(2, "SKA1B2C3D1", "45963.25", "Completed", "1.5E+2", "", "INV001") + sheetEnd)
	f.Add(sheetBegin + names + `<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="d"><v>2025-11-01T00:00:00</v></c><c r="C3" t="b"><v>1</v></c></row>` + sheetEnd)
	f.Fuzz(func(t *testing.T, sheet string) {
		holds(t, sheetOf(t, sheet), statement.Options{Format: statement.MpesaXLSX})
	})
}

func FuzzPaystackCSV(f *testing.F) {
	seeds(f, "paystack")
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.PaystackTransactionsCSV})
		holds(t, file, statement.Options{Format: statement.PaystackSettlementsCSV, Paystack: &statement.PaystackColumns{Subunits: true}})
	})
}

func FuzzPaystackJSON(f *testing.F) {
	seeds(f, "paystack")
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.PaystackTransactionsJSON})
		holds(t, file, statement.Options{Format: statement.PaystackSettlementsJSON})
	})
}

func FuzzBankCSV(f *testing.F) {
	seeds(f, "bank")
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.BankCSV, Bank: plainBank()})
		holds(t, file, statement.Options{Format: statement.BankCSV, Bank: continentalBank(), Encoding: statement.Windows1252})
	})
}

func FuzzMT940(f *testing.F) {
	seeds(f, "bank")
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.BankMT940})
	})
}

func FuzzCAMT053(f *testing.F) {
	seeds(f, "bank")
	f.Fuzz(func(t *testing.T, file []byte) {
		holds(t, file, statement.Options{Format: statement.BankCAMT053})
	})
}

func FuzzDetect(f *testing.F) {
	seeds(f, "")
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, source := range []reconciliation.Source{"", reconciliation.SourceMpesa, reconciliation.SourceBank, reconciliation.SourcePaystackSettlement} {
			format, err := statement.Detect(input(file), source)
			if err != nil {
				typed(t, err)
			}
			if (err == nil) != (format != "") || err == nil && source != "" && format.Source() != source {
				t.Fatalf("%q, %v for %q", format, err, source)
			}
		}
	})
}

func FuzzLayoutOf(f *testing.F) {
	for _, s := range []string{"DD/MM/YYYY", "YYYY-MM-DD HH:mm:ss", "D.M.YY hh:mm a", "MM/MM", ""} {
		f.Add(s, "02/11/2025")
	}
	f.Fuzz(func(t *testing.T, layout, date string) {
		_, err := statement.LayoutOf(layout)
		if err != nil && !errors.Is(err, statement.ErrMapping) {
			t.Fatal(err)
		}
		if err == nil {
			holds(t, []byte(mpesaNames+"SKA1B2C3D1,\""+strings.ReplaceAll(date, `"`, "")+"\",,,Completed,1,,,,,,,\n"), statement.Options{Format: statement.MpesaCSV, DateLayout: layout})
		}
	})
}

// FuzzMapping fuzzes the mapping of a bank: whatever passes Check can be used.
func FuzzMapping(f *testing.F) {
	f.Add("Date", "DD/MM/YYYY", "+03:00", ",", ".", ",", "minus", "Amount", "a,b\n")
	f.Add("Datum", "D.M.YY", "", ";", ",", ".", "word", "Betrag", "Datum;Betrag\n1.1.25;1,5\n")
	f.Fuzz(func(t *testing.T, date, layout, offset, delimiter, decimal, thousands, sign, amount, file string) {
		m := statement.Mapping{
			Date: date, DateLayout: layout, UTCOffset: offset, Delimiter: delimiter, Decimal: decimal, Thousands: thousands, Sign: statement.Sign(sign), Amount: amount,
			Debit: "Debit", Credit: amount, SignName: "Side", DebitWords: []string{"D"}, CreditWords: []string{"C"}, Details: []string{"Text", ""},
		}
		if m.Check() == nil {
			holds(t, []byte(file), statement.Options{Format: statement.BankCSV, Bank: &m, Currency: money.USD})
		}
	})
}
