package commands_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/fee"
	"github.com/benfex/kipay/domain/ledger"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
)

// Who was asked to pay by card into the operator's pool, and sent it to the merchant's own paybill, has paid there: neither does the operator
// owe it, nor can Paystack give it back.
func TestMoneyOfAStatementStandsOnTheStatementsChannelWhateverThePayerWasAsked(t *testing.T) {
	w := newWorld(t, "sandbox")
	if err := w.write.CreateChannelFor(t.Context(), w.merchant, []byte(`{"name":"pool","provider":"paystack","funds":"pool","config":{"public_key":"pk_test_x","secret_key":"sk_test_x"}}`)); err != nil {
		t.Fatal(err)
	}
	status, body := w.post("/api/transactions/initialize", `{"amount":1000,"email":"jane@example.com","payment_channel_id":2}`)
	var a struct{ Reference transaction.Reference }
	if status != 201 || json.Unmarshal([]byte(body), &a) != nil {
		t.Fatalf("initialize: %d %s", status, body)
	}
	w.payByCard(a.Reference)
	imp := w.importLines([4]string{"QGR7I8K2ZZ", "1000.00", "2547****111 - JANE DOE", "NOBODY"})
	if err := w.decide(imp, 1, journal.Credit, a.Reference); err != nil {
		t.Fatal(err)
	}
	s := w.state(a.Reference)
	if s.Status() != transaction.StatusCompleted || len(s.Payments) != 1 || s.ChannelOf(s.Payments[0]) != 1 || s.WaysBack()[0].Channel != 1 {
		t.Errorf("%s, with %+v", s.Status(), s.Payments)
	}
	if owed, sold := w.account(ledger.MerchantPayable), w.account(ledger.Sales); owed != 0 || sold != 100000 {
		t.Errorf("the operator owes %d of it, the merchant has %d", owed, sold)
	}
	if _, body := w.post("/api/payouts/create", `{"payment_channel_id":2,"destination":"bank","bank_name":"Benki","account_number":"1","account_name":"D","amount":1000}`); !strings.Contains(body, "KES 0.00") {
		t.Errorf("a payout out of the pool: %s", body)
	}
	// The card's own money, should it come too, is another payment.
	w.cards.say(string(a.Reference)+"-1", "success")
	if _, err := w.write.AskCardAttempt(t.Context(), a.Reference, 1, commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	if s = w.state(a.Reference); s.Received().Major() != 2000 || s.Surplus.Major() != 1000 {
		t.Errorf("%s came, %s too much", s.Received(), s.Surplus)
	}
}

// A card's money that only a settlement shows is counted without an attempt of ours: what Paystack says of its refund is found all the same.
func TestARefundOfMoneyThatNoAttemptBroughtIsAskedAfter(t *testing.T) {
	w := newWorld(t, "sandbox")
	if err := w.write.CreateChannelFor(t.Context(), w.merchant, []byte(`{"name":"cards","provider":"paystack","config":{"public_key":"pk_test_x","secret_key":"sk_test_x"}}`)); err != nil {
		t.Fatal(err)
	}
	ref, _ := w.push("ORDER123")
	by := commands.By{Actor: "test", Merchant: w.merchant}
	if _, err := commands.Handle(t.Context(), w.write, ref.Stream(), transaction.Weigh{Evidence: transaction.Evidence{
		Door: transaction.DoorStatement, Kind: transaction.ReceiptGiven, Digest: "line", Receipt: "4099260516", Amount: kes(100000),
		Method: transaction.MethodCard, PaidAt: w.clock.now(), Terms: fee.Terms{Channel: 2, Funds: fee.OfMerchant, Currency: money.KES},
	}, At: w.clock.now()}, by); err != nil {
		t.Fatal(err)
	}
	if status, body := w.post("/api/refunds/create", `{"reference":"`+string(ref)+`","amount":600}`); status != 201 {
		t.Fatalf("refund: %d %s", status, body)
	}
	name := w.state(ref).Refunds[0].Name
	w.disputes.be(func(p *disputeProvider) {
		p.refunds = `{"id":31,"transaction":4099260516,"transaction_reference":"elsewhere","status":"processed","amount":60000,"currency":"KES",` +
			`"merchant_note":"` + name + `","domain":"test","createdAt":"2026-11-23T09:02:00.000Z"}`
	})
	if _, err := w.write.SyncCardRefunds(t.Context(), ref, by); err != nil {
		t.Fatal(err)
	}
	if s := w.state(ref); s.Refunds[0].Status != transaction.RefundDone || s.Refunded().Major() != 600 {
		t.Errorf("the refund is %s, %s went back", s.Refunds[0].Status, s.Refunded())
	}
}
