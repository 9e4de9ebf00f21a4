package statement_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
)

func TestAPulledListIsReadAsItWasWritten(t *testing.T) {
	at := time.Date(2025, 11, 23, 9, 0, 0, 0, time.UTC)
	rows := []statement.Pulled{
		{Receipt: "SKN82PACB8", At: at, Amount: money.Of(16800, money.KES), Payment: true, Type: "c2b-pay-bill-debit", Account: "inv \"7\", é", Phone: "722000001", Name: "SAMPLE PAYER"},
		{Receipt: "SKN82PACB9", At: at, Amount: money.Of(50, money.KES), Payment: true, Type: "c2b-buy-goods-debit", Phone: "72****001"},
		{Receipt: "SKN82PACC0", At: at, Amount: money.Of(16800, money.KES), Type: "c2b-reversal", Account: "SKN82PACB8"},
	}
	var b, again bytes.Buffer
	for _, to := range []*bytes.Buffer{&b, &again} {
		if err := statement.WritePulled(to, rows); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("the same rows are other bytes")
	}
	lines, _, summary := read(t, input(b.Bytes()), statement.Options{Format: statement.MpesaPullJSON})
	if len(lines) != 3 || summary.Completed != 2 || summary.PaidIn != money.Of(16850, money.KES) {
		t.Fatalf("%+v %+v", lines, summary)
	}
	first, ok := lines[0].Entry()
	if !ok || first.Kind != reconciliation.KindPayment || first.Phone != "254722000001" || first.Account != rows[0].Account || !first.At.Equal(at) || first.Balance != nil {
		t.Errorf("%+v", first)
	}
	if phone := lines[1].Phone(); phone != "25472****001" {
		t.Errorf("a masked phone is %s", phone)
	}
	if _, moved := lines[2].Entry(); moved {
		t.Error("a reversal came in as money")
	}
	if _, _, err := statement.Inspect(t.Context(), input([]byte(`{"data":[{"receipt":"SKN82PACB8","paid_at":"yesterday","amount":"1","kind":"payment"}]}`)),
		statement.Options{Format: statement.MpesaPullJSON}); err == nil {
		t.Error("a list with a bad row was taken")
	}
}
