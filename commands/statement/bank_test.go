package statement_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

func TestBanksWriteMoneyOutInTheirOwnWays(t *testing.T) {
	minus := statement.Mapping{Bank: "B", Date: "Date", Amount: "Amount", Balance: "Balance", DateLayout: "YYYY-MM-DD", Thousands: ","}
	word := minus
	word.Sign, word.SignName, word.DebitWords, word.CreditWords = statement.SignWord, "Side", []string{"DR", "Debit"}, []string{"CR"}
	columns := minus
	columns.Amount, columns.Sign, columns.Debit, columns.Credit = "", statement.SignColumns, "Out", "In"
	for name, test := range map[string]struct {
		mapping statement.Mapping
		row     string
		moved   int64 // 0 for a row that is refused
		balance int64
	}{
		"a minus before":           {minus, `2025-11-03,"-1,500.50",,,,-20`, -150_050, -2_000},
		"a minus behind":           {minus, `2025-11-03,"1,500.50-",,,,20`, -150_050, 2_000},
		"parentheses":              {minus, `2025-11-03,"(1,500.50)",,,,(20)`, -150_050, -2_000},
		"money in":                 {minus, `2025-11-03,"1,500.50",,,,20`, 150_050, 2_000},
		"both minuses":             {minus, `2025-11-03,-5-,,,,20`, 0, 0},
		"a minus in parentheses":   {minus, `2025-11-03,(-5),,,,20`, 0, 0},
		"nothing in parentheses":   {minus, `2025-11-03,(),,,,20`, 0, 0},
		"no amount":                {minus, `2025-11-03,,,,,20`, 0, 0},
		"a word for out":           {word, `2025-11-03,5,debit,,,20`, -500, 2_000},
		"a word for in":            {word, `2025-11-03,5,CR.,,,20`, 500, 2_000},
		"a word for out and minus": {word, `2025-11-03,-5,DR,,,20`, -500, 2_000},
		"no word":                  {word, `2025-11-03,5,,,,20`, 0, 0},
		"some other word":          {word, `2025-11-03,5,XX,,,20`, 0, 0},
		"a column for out":         {columns, `2025-11-03,,,5,,20`, -500, 2_000},
		"a column for in":          {columns, `2025-11-03,,,,5,20`, 500, 2_000},
		"a minus in its column":    {columns, `2025-11-03,,,-5,,20`, -500, 2_000},
		"nought in the other":      {columns, `2025-11-03,,,0.00,5,20`, 500, 2_000},
		"no number out":            {columns, `2025-11-03,,,x,,20`, 0, 0},
		"no number in":             {columns, `2025-11-03,,,,x,20`, 0, 0},
	} {
		file := "Date,Amount,Side,Out,In,Balance\n" + test.row + "\n"
		o := statement.Options{Format: statement.BankCSV, Bank: &test.mapping, Currency: money.USD}
		if test.moved == 0 {
			if r := refused(t, file, o); r.Lines[0].Line != 2 {
				t.Errorf("%s: %v", name, r)
			}
			continue
		}
		lines, _, _ := read(t, input([]byte(file)), o)
		if len(lines) != 1 || lines[0].Amount() != money.Of(test.moved, money.USD) || *lines[0].Balance != money.Of(test.balance, money.USD) {
			t.Errorf("%s: %+v", name, lines)
		}
	}
}

func TestBanksLinesAreSortedByTheMappingsWords(t *testing.T) {
	m := statement.Mapping{
		Bank: "B", Date: "Date", Amount: "Amount", Details: []string{"What", "More"}, DateLayout: "YYYY-MM-DD", Delimiter: `\t`, UTCOffset: "-05:00",
		Kinds: []statement.KindRule{{Contains: "fee", Kind: reconciliation.KindFee}, {Contains: "mpesa b2c", Kind: reconciliation.KindWithdrawalToBank}},
	}
	lines, _, _ := read(t, input([]byte("Date\tAmount\tWhat\tMore\n2025-11-03\t-5\tMonthly FEE\t\n2025-11-03\t5\tMPESA\tB2C\n2025-11-03\t5\tx\t\n2025-11-03\t-5\tx\t\n")), statement.Options{Format: statement.BankCSV, Bank: &m})
	var kinds []string
	for _, l := range lines {
		kinds = append(kinds, string(l.Kind))
		if l.CompletedAt.Hour() != 5 {
			t.Errorf("%s", l.CompletedAt)
		}
	}
	if got := strings.Join(kinds, " "); got != "fee withdrawal_to_bank payment payout" {
		t.Error(got)
	}
}

func TestSeveralStatementsOfOneAccountAreOne(t *testing.T) {
	camt := sample(t, "bank_camt02.xml")
	begin, end := strings.Index(camt, "<Stmt>"), strings.Index(camt, "</Stmt>")+len("</Stmt>")
	next := camt[begin:end]
	next = strings.ReplaceAll(next, "11727.99", "13455.98")
	next = strings.ReplaceAll(next, ">10000.00", ">11727.99")
	lines, header, _ := read(t, input([]byte(camt[:end]+next+camt[end:])), statement.Options{Source: reconciliation.SourceBank})
	if len(lines) != 6 || header.Opening.Minor != 1_000_000 || header.Closing.Minor != 1_345_598 || lines[5].Number != 6 || lines[3].Key != lines[0].Key+"-2" {
		t.Errorf("%d lines, %+v", len(lines), header)
	}
	for name, change := range map[string]string{"another account": strings.Replace(next, "0100000000", "0200000000", 1), "another opening": strings.Replace(next, "11727.99", "11727.98", 1)} {
		r := refused(t, camt[:end]+change+camt[end:], statement.Options{Source: reconciliation.SourceBank})
		if r.Count == 0 || r.Lines[0].Column != "Acct" && r.Lines[0].Column != "Bal" {
			t.Errorf("%s: %v", name, r)
		}
	}
}

func TestXMLNamesItsEncodingItself(t *testing.T) {
	camt := strings.Replace(sample(t, "bank_camt02.xml"), `encoding="UTF-8"`, `encoding="ISO-8859-1"`, 1)
	camt = strings.Replace(camt, "LEDGER FEE", "LEDGER F\xc9E", 1)
	for _, e := range []statement.Encoding{"", statement.Windows1252} {
		lines, _, _ := read(t, input([]byte(camt)), statement.Options{Source: reconciliation.SourceBank, Encoding: e})
		if len(lines) != 3 || lines[1].Details != "LEDGER F\u00c9E" {
			t.Errorf("%q: %+v", e, lines)
		}
	}
	odd := strings.Replace(camt, "ISO-8859-1", "EBCDIC", 1)
	if _, _, err := statement.Inspect(t.Context(), input([]byte(odd)), statement.Options{Format: statement.BankCAMT053}); !errors.Is(err, statement.ErrDamaged) {
		t.Errorf("an encoding that nobody knows: %v", err)
	}
}
