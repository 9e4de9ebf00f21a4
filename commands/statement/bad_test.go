package statement_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "statements", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// refused are the bad lines of a file that must have some.
func refused(t *testing.T, file string, o statement.Options) *statement.Refused {
	t.Helper()
	_, _, err := statement.Inspect(context.Background(), input([]byte(file)), o)
	var r *statement.Refused
	if !errors.As(err, &r) {
		t.Fatalf("%v; want it refused", err)
	}
	return r
}

const mpesaNames = "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No.\n"

func TestABadLineIsNamedWithItsNumberColumnAndReason(t *testing.T) {
	good := "SKA1B2C3D1,02-11-2025 09:15:02,02-11-2025 09:15:01,Pay Bill,Completed,100.00,,100.00,true,Pay Bill Online,25470****108 - SAMPLE PAYER,,INV001"
	row := func(column int, value string) string {
		cells := strings.Split(good, ",")
		cells[column] = value
		return strings.Join(cells, ",")
	}
	for name, test := range map[string]struct{ row, column, reason string }{
		"no receipt":                   {row(0, ""), "Receipt No.", "is missing"},
		"a receipt made a number":      {row(0, "1.23457E+11"), "Receipt No.", "is in scientific notation: a spreadsheet has changed the file; export it again"},
		"a receipt in lower case":      {row(0, "ska1b2c3d1"), "Receipt No.", "is not 8 to 12 of A to Z and 0 to 9"},
		"a date with slashes":          {row(1, "02/11/2025 09:15:02"), "Completion Time", "does not say which is the day and which the month: name the date layout, or export the file again"},
		"a date with a short year":     {row(1, "02-11-25 09:15"), "Completion Time", "does not say which is the day and which the month: name the date layout, or export the file again"},
		"a 31st of November":           {row(1, "31-11-2025 09:15:02"), "Completion Time", "is not a date as this statement writes them"},
		"month and day exchanged":      {row(1, "11-30-2025 09:15:02"), "Completion Time", "is not a date as this statement writes them"},
		"no date":                      {row(1, ""), "Completion Time", "is not a date as this statement writes them"},
		"a year of no statement":       {row(1, "02-11-1925 09:15:02"), "Completion Time", "is not a date as this statement writes them"},
		"a bad initiation time":        {row(2, "yesterday"), "Initiation Time", "is not a date as this statement writes them"},
		"no status":                    {row(4, ""), "Transaction Status", "is missing"},
		"an unknown status":            {row(4, "Perhaps"), "Transaction Status", "is none that is known"},
		"no number":                    {row(5, "a lot"), "Paid In", "is not an amount"},
		"a number with an exponent":    {row(5, "1E+3"), "Paid In", "is in scientific notation: a spreadsheet has changed the file; export it again"},
		"half a cent":                  {row(5, "0.005"), "Paid In", "has more decimal places than the currency"},
		"commas in the wrong places":   {row(5, `"1,00.00"`), "Paid In", "has its thousands marks in the wrong places"},
		"more than there is":           {row(5, "99999999999999999999"), "Paid In", "is too large"},
		"more than can be reconciled":  {row(5, "6000000000"), "Amount", "is more than can be reconciled"},
		"less than nothing paid in":    {row(5, "-5"), "Paid In", "is less than nothing"},
		"in and out at once":           {row(6, "5"), "", "is paid in and withdrawn at once"},
		"completed and moves nothing":  {row(5, ""), "", "is completed and moves nothing"},
		"no number withdrawn":          {row(6, "x"), "Withdrawn", "is not an amount"},
		"no number as balance":         {row(7, "x"), "Balance", "is not an amount"},
		"a link made a number":         {row(11, "1.5E+10"), "Linked Transaction ID", "is in scientific notation: a spreadsheet has changed the file; export it again"},
		"a link that is no receipt":    {row(11, "see above"), "Linked Transaction ID", "is not 8 to 12 of A to Z and 0 to 9"},
		"half a row":                   {"SKA1B2C3D1,02-11-2025 09:15:02", "", "is cut short"},
		"a row cut in its last column": {strings.TrimSuffix(good, ",INV001"), "", "is cut short"},
		"a receipt alone":              {"SKA1B2C3D1,,,,,,,,,,,,", "Completion Time", "is not a date as this statement writes them"},
		"a quote within a cell":        {row(3, `Pay "Bill"`), "", "has quotation marks in the wrong places"},
		"no UTF-8":                     {row(3, "caf\xe9"), "", "is not UTF-8: say that the file is in windows-1252, if it is"},
		"two hundred columns":          {good + strings.Repeat(",", 200), "", "has too many columns"},
	} {
		t.Run(name, func(t *testing.T) {
			r := refused(t, mpesaNames+good+"\n\n"+test.row+"\n"+good+"\n", statement.Options{})
			want := []statement.LineError{{Line: 4, Column: test.column, Reason: test.reason}}
			if diff := cmp.Diff(want, r.Lines); diff != "" || r.Count != 1 {
				t.Errorf("%d bad lines (-want +got):\n%s", r.Count, diff)
			}
		})
	}
}

func TestNoLineIsGivenBehindABadOneAndAllBadOnesAreCounted(t *testing.T) {
	good := "SKA1B2C3D1,02-11-2025 09:15:02,,Pay Bill,Completed,100.00,,,,,,,\n"
	file := mpesaNames + good + "SKA1B2C3D2,today,,,Completed,1,,,,,,,\n" + good + strings.Repeat("SKA1B2C3D2,today,,,Completed,1,,,,,,,\n", 250) + good
	f, err := statement.Open(input([]byte(file)), statement.Options{})
	if err != nil {
		t.Fatal(err)
	}
	given := 0
	for range f.Lines(context.Background()) {
		given++
	}
	var r *statement.Refused
	if !errors.As(f.Err(), &r) || given != 1 || r.Count != 251 || len(r.Lines) != statement.MaxBadLines || r.Lines[1].Line != 5 {
		t.Errorf("%d lines given; %v", given, f.Err())
	}
	if s := f.Summary(); s.Lines != 3 || s.SHA256 == "" {
		t.Errorf("%+v", s)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoErrorQuotesTheFile(t *testing.T) {
	row := "JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE,JANE SAMPLE\n"
	var all []error
	cells := strings.Split(strings.TrimSuffix(row, "\n"), ",")
	good := strings.Split("SKA1B2C3D1,02-11-2025 09:15:02,02-11-2025 09:15:01,Pay Bill,Completed,100.00,,100.00,true,Pay Bill Online,x,,INV001", ",")
	for i := range cells {
		bad := append([]string(nil), good...)
		bad[i] = cells[i]
		_, _, err := statement.Inspect(context.Background(), input([]byte(mpesaNames+strings.Join(bad, ",")+"\n")), statement.Options{})
		all = append(all, err)
	}
	for name, o := range map[string]statement.Options{
		"bank.mt940": {Source: reconciliation.SourceBank}, "bank_camt02.xml": {Source: reconciliation.SourceBank}, "paystack_transactions.csv": {}, "paystack_settlements.json": {},
		"bank_plain.csv": {Source: reconciliation.SourceBank, Bank: plainBank()},
	} {
		file := sample(t, name)
		for _, word := range []string{"2025", "251103", "1777", "success", "KES", "D50", "CRDT", "BOOK", "901"} {
			_, _, err := statement.Inspect(context.Background(), input([]byte(strings.ReplaceAll(file, word, "JANE SAMPLE"))), o)
			all = append(all, err)
		}
	}
	failed := 0
	for _, err := range all {
		if err == nil {
			continue
		}
		failed++
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), "JANE") {
			t.Errorf("%v", err)
		}
	}
	if failed < 20 {
		t.Errorf("only %d of %d files were refused", failed, len(all))
	}
}

func TestTotalsThatDoNotAgreeRefuseTheFile(t *testing.T) {
	file := sample(t, "mpesa_portal.csv")
	for name, cut := range map[string]func(string) string{
		"a line is missing": func(s string) string {
			from := strings.Index(s, "SKA1B2C3D6")
			to := strings.Index(s, "SKA1B2C3D7")
			return s[:from] + s[to:]
		},
		"a line was changed": func(s string) string { return strings.Replace(s, `,Completed,,50.00,`, `,Completed,,60.00,`, 1) },
	} {
		r := refused(t, cut(file), statement.Options{})
		if !errors.Is(r, statement.ErrTotals) || r.Count != 0 || len(r.Totals) != 2 || !strings.Contains(r.Error(), "total withdrawn: the file states KES 4,060.00, its lines make KES 4,0") {
			t.Errorf("%s: %v", name, r)
		}
		_, summary, err := statement.Inspect(context.Background(), input([]byte(cut(file))), statement.Options{IgnoreTotals: true})
		if err != nil || len(summary.Checks) != 3 || summary.Checks[1].Agrees() {
			t.Errorf("%s, ignored: %+v, %v", name, summary.Checks, err)
		}
	}
}

func TestABadHeaderRefusesTheFile(t *testing.T) {
	for name, test := range map[string]struct{ old, new, column string }{
		"balance":       {`Opening Balance,"10,000.00"`, `Opening Balance,plenty`, "Opening Balance"},
		"total":         {`Total Paid In,"3,000.00"`, `Total Paid In,"3,00.00"`, "Total Paid In"},
		"period":        {"From 01-11-2025", "From 11/01/2025", "Time Period"},
		"turned period": {"From 01-11-2025", "From 01-11-2026", "Time Period"},
	} {
		r := refused(t, strings.Replace(sample(t, "mpesa_portal.csv"), test.old, test.new, 1), statement.Options{})
		if r.Count != 1 || r.Lines[0].Column != test.column || r.Lines[0].Line < 4 || r.Lines[0].Line > 6 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

func TestADateLayoutThatIsNamedIsTaken(t *testing.T) {
	file := mpesaNames + "SKA1B2C3D1,11/02/2025 9:15,,Pay Bill,Completed,100.00,,,,,,,\n"
	for layout, day := range map[string]int{"MM/DD/YYYY H:mm": 0, "MM/DD/YYYY HH:mm": 2, "DD/MM/YYYY HH:mm": 11} {
		lines := 0
		f, err := statement.Open(input([]byte(file)), statement.Options{DateLayout: layout})
		if day == 0 {
			if !errors.Is(err, statement.ErrMapping) {
				t.Errorf("%s: %v", layout, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for l := range f.Lines(context.Background()) {
			if lines++; l.CompletedAt.Day() != day {
				t.Errorf("%s: %s", layout, l.CompletedAt)
			}
		}
		if err := f.Err(); err != nil || lines != 1 {
			t.Errorf("%s: %v", layout, err)
		}
	}
}

func TestBadBankLines(t *testing.T) {
	plain := sample(t, "bank_plain.csv")
	swift := sample(t, "bank.mt940")
	camt := sample(t, "bank_camt02.xml")
	for name, test := range map[string]struct {
		file, old, new string
		bank           *statement.Mapping
		want           statement.LineError
	}{
		"CSV, month and day":         {plain, "03/11/2025", "11/30/2025", plainBank(), statement.LineError{Line: 4, Column: "Date", Reason: "is not a date as this statement writes them"}},
		"CSV, both sides":            {plain, `FT25307AAA1,,`, `FT25307AAA1,5,`, plainBank(), statement.LineError{Line: 4, Reason: "is debit and credit at once"}},
		"CSV, no side":               {plain, `,50.00,,`, `,,,`, &statement.Mapping{Bank: "B", Date: "transaction date", Debit: "Money Out", Credit: "Money In", DateLayout: "DD/MM/YYYY", Thousands: ",", Sign: statement.SignColumns}, statement.LineError{Line: 5, Reason: "is neither debit nor credit"}},
		"CSV, half a line":           {plain, `"10,000.00",,"1,727.99"`, `"10,0"`, plainBank(), statement.LineError{Line: 6, Reason: "is cut short"}},
		"CSV, thousands":             {plain, `"1,777.99"`, `"17,77.99"`, plainBank(), statement.LineError{Line: 4, Column: "Credit", Reason: "has its thousands marks in the wrong places"}},
		"CSV, balance":               {plain, `"11,777.99"`, "none", plainBank(), statement.LineError{Line: 4, Column: "Balance", Reason: "is not an amount"}},
		"MT940, closing":             {swift, ":62F:C251105KES1000,00", ":62F:C251105KES1000,01", nil, statement.LineError{Line: 22, Column: "62F", Reason: "is not the opening balance and the entries"}},
		"MT940, page":                {swift, ":60M:C251104KES11727,99", ":60M:C251104KES11727,98", nil, statement.LineError{Line: 17, Column: "60M", Reason: "is not the balance with which the last page ended"}},
		"MT940, amount":              {swift, "D50,NCHG", "D50NCHG", nil, statement.LineError{Line: 9, Column: "61", Reason: "is not an amount"}},
		"MT940, date":                {swift, ":61:251104D", ":61:251304D", nil, statement.LineError{Line: 9, Column: "61", Reason: "does not begin with a date"}},
		"MT940, side":                {swift, ":61:251104D", ":61:251104X", nil, statement.LineError{Line: 9, Column: "61", Reason: "says neither C nor D"}},
		"MT940, type":                {swift, "D50,NCHGNONREF", "D50,NC", nil, statement.LineError{Line: 9, Column: "61", Reason: "has no transaction type"}},
		"MT940, no type's letters":   {swift, "D50,NCHGNONREF", "D50,N-HGNONREF", nil, statement.LineError{Line: 9, Column: "61", Reason: "has no transaction type"}},
		"MT940, nothing behind":      {swift, "D50,NCHGNONREF", "D50,", nil, statement.LineError{Line: 9, Column: "61", Reason: "has no amount, or nothing behind it"}},
		"MT940, account":             {swift, ":25:0100000000\n:28C:212/2", ":25:0200000000\n:28C:212/2", nil, statement.LineError{Line: 15, Column: "25", Reason: "is another account than before"}},
		"MT940, currency":            {swift, "C251102KES10000,00", "C251102XXX10000,00", nil, statement.LineError{Line: 5, Column: "60F", Reason: "is no balance"}},
		"CAMT.053, amount":           {camt, `<Ntry><Amt Ccy="KES">50.00`, `<Ntry><Amt Ccy="KES">50,00`, nil, statement.LineError{Line: 2, Column: "Amt", Reason: "is not an amount"}},
		"CAMT.053, currency":         {camt, `<Ntry><Amt Ccy="KES">50.00`, `<Ntry><Amt Ccy="USD">50.00`, nil, statement.LineError{Line: 2, Column: "Currency", Reason: "is not the statement's currency, KES"}},
		"CAMT.053, unknown currency": {camt, `<Ntry><Amt Ccy="KES">50.00`, `<Ntry><Amt>50.00`, nil, statement.LineError{Line: 2, Column: "Amt", Reason: "has a currency that is not one of KES, NGN, GHS, ZAR, USD"}},
		"CAMT.053, side":             {camt, "<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK", "<CdtDbtInd>DB</CdtDbtInd><Sts>BOOK", nil, statement.LineError{Line: 2, Column: "Amt", Reason: "is neither credit nor debit"}},
		"CAMT.053, status":           {camt, "<Sts>PDNG", "<Sts>MAYB", nil, statement.LineError{Line: 3, Column: "Sts", Reason: "is none that is known"}},
		"CAMT.053, date":             {camt, "2025-11-04T09:00:00", "04.11.2025", nil, statement.LineError{Line: 2, Column: "BookgDt", Reason: "is not a date as this statement writes them"}},
		"CAMT.053, balance":          {camt, `<Amt Ccy="KES">11727.99`, `<Amt Ccy="KES">much`, nil, statement.LineError{Line: 1, Column: "Bal", Reason: "is not an amount"}},
		"CAMT.053, reversal":         {camt, "<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK", "<CdtDbtInd>DBIT</CdtDbtInd><RvslInd>no</RvslInd><Sts>BOOK", nil, statement.LineError{Line: 2, Column: "Amt", Reason: "does not say whether it is a reversal"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(test.file, test.old) {
				t.Fatalf("%q is not in the sample", test.old)
			}
			r := refused(t, strings.Replace(test.file, test.old, test.new, 1), statement.Options{Source: reconciliation.SourceBank, Bank: test.bank})
			if diff := cmp.Diff(test.want, r.Lines[0]); diff != "" {
				t.Errorf("the first bad line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBadPaystackRows(t *testing.T) {
	for name, test := range map[string]struct {
		file, old, new string
		want           statement.LineError
	}{
		"reference":   {"paystack_transactions.csv", "KIPAYAAAA0002", "", statement.LineError{Line: 3, Column: "Reference", Reason: "is missing, or too long"}},
		"id":          {"paystack_transactions.csv", "4099260517", "4.09926E+9", statement.LineError{Line: 3, Column: "Reference", Reason: "is in scientific notation: a spreadsheet has changed the file; export it again"}},
		"status":      {"paystack_transactions.csv", "abandoned", "gone", statement.LineError{Line: 5, Column: "Transaction Status", Reason: "is none that is known"}},
		"currency":    {"paystack_transactions.csv", "KES,mobile_money", "EUR,mobile_money", statement.LineError{Line: 3, Column: "Currency", Reason: "is not one of KES, NGN, GHS, ZAR, USD"}},
		"two":         {"paystack_transactions.csv", "KES,mobile_money", "USD,mobile_money", statement.LineError{Line: 3, Column: "Currency", Reason: "is not the statement's currency, KES"}},
		"date":        {"paystack_transactions.csv", "2025-11-03 10:00:00", "03/11/2025", statement.LineError{Line: 3, Column: "Date", Reason: "does not say which is the day and which the month: name the date layout, or export the file again"}},
		"API amount":  {"paystack_transactions.json", "150050", "1500.50", statement.LineError{Line: 1, Column: "Amount", Reason: "is not a whole number of cents"}},
		"API object":  {"paystack_transactions.json", `"status":"failed"`, `"status":{}`, statement.LineError{Line: 2, Column: "status", Reason: "is neither a text nor a number"}},
		"net":         {"paystack_settlements.csv", `"1,777.99"`, `"1,777.98"`, statement.LineError{Line: 2, Column: "Effective Amount", Reason: "is not what was processed less fees and deductions"}},
		"no id":       {"paystack_settlements.csv", "902,", ",", statement.LineError{Line: 3, Column: "ID", Reason: "is missing, or too long"}},
		"no day":      {"paystack_settlements.csv", "2025-11-05", "soon", statement.LineError{Line: 3, Column: "Date", Reason: "is not a date as this statement writes them"}},
		"API status":  {"paystack_settlements.json", `"status":"success","currency":"KES","effective_amount":39250`, `"status":"?","currency":"KES","effective_amount":39250`, statement.LineError{Line: 2, Column: "Transaction Status", Reason: "is none that is known"}},
		"half a row":  {"paystack_settlements.csv", "59.00,pending,KES", "59.00", statement.LineError{Line: 4, Reason: "is cut short"}},
		"half a txn":  {"paystack_transactions.csv", ",abandoned,,KES,card", "", statement.LineError{Line: 5, Reason: "is cut short"}},
		"less than 0": {"paystack_settlements.csv", "500.00", "-500.00", statement.LineError{Line: 3, Column: "Total Processed", Reason: "is not an amount"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := sample(t, test.file)
			if !strings.Contains(file, test.old) {
				t.Fatalf("%q is not in the sample", test.old)
			}
			r := refused(t, strings.Replace(file, test.old, test.new, 1), statement.Options{})
			if diff := cmp.Diff(test.want, r.Lines[0]); diff != "" {
				t.Errorf("the first bad line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAMappingThatDoesNotFitIsSaidSo(t *testing.T) {
	for name, change := range map[string]func(*statement.Mapping){
		"date_layout": func(m *statement.Mapping) { m.DateLayout = "DD/MM" },
		"utc_offset":  func(m *statement.Mapping) { m.UTCOffset = "Nairobi" },
		"delimiter":   func(m *statement.Mapping) { m.Delimiter = "ab" },
		"decimal":     func(m *statement.Mapping) { m.Decimal = "," },
		"encoding":    func(m *statement.Mapping) { m.Encoding = "ebcdic" },
		"date":        func(m *statement.Mapping) { m.Date = " " },
		"debit":       func(m *statement.Mapping) { m.Debit = "" },
		"sign":        func(m *statement.Mapping) { m.Sign = "colour" },
		"amount":      func(m *statement.Mapping) { m.Sign = statement.SignMinus },
		"sign_column": func(m *statement.Mapping) { m.Sign = statement.SignWord },
		"kinds": func(m *statement.Mapping) {
			m.Kinds = []statement.KindRule{{Contains: "x", Kind: reconciliation.KindCharge}}
		},
	} {
		m := plainBank()
		change(m)
		err := m.Check()
		var wrong *domain.Error
		if !errors.As(err, &wrong) || wrong.Code != domain.CodeInvalid || wrong.Fields[name] == "" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := statement.Open(input([]byte(sample(t, "bank_plain.csv"))), statement.Options{Format: statement.BankCSV, Bank: m}); !errors.Is(err, statement.ErrMapping) {
			t.Errorf("%s, opened: %v", name, err)
		}
	}
	absent := plainBank()
	absent.Reference = "No such column"
	if _, err := statement.Open(input([]byte(sample(t, "bank_plain.csv"))), statement.Options{Format: statement.BankCSV, Bank: absent}); !errors.Is(err, statement.ErrMapping) {
		t.Errorf("a column that is not there: %v", err)
	}
	if _, err := statement.Open(input([]byte("a,b\n")), statement.Options{Format: statement.BankCSV}); !errors.Is(err, statement.ErrMapping) {
		t.Errorf("none: %v", err)
	}
	if err := plainBank().Check(); err != nil {
		t.Error(err)
	}
}

func TestChosenColumnsOfPaystackAreFound(t *testing.T) {
	file := "Txn;Ref no;Value;State;When\n17;KIPAYAAAA0001;15005;success;03.11.2025 10:00\n"
	o := statement.Options{
		Source: reconciliation.SourcePaystackTransactions, DateLayout: "DD.MM.YYYY HH:mm", Currency: money.USD,
		Paystack: &statement.PaystackColumns{ID: "TXN", Reference: "ref no.", Amount: "value", Status: "State", PaidAt: "when", Subunits: true},
	}
	lines, _, summary := read(t, input([]byte(file)), o)
	if len(lines) != 1 || lines[0].Receipt != "17" || lines[0].PaidIn != money.Of(15005, money.USD) || lines[0].Account != "KIPAYAAAA0001" || lines[0].CompletedAt.Day() != 3 || summary.PaidIn.Currency != money.USD {
		t.Errorf("%+v", lines)
	}
}
