package commands_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/transaction"
)

// Two pushes ask for one amount under one account. One was paid, as the query says, and the other is open: the receipt is that one's.
func TestAConfirmationIsOfThePushThatWasPaid(t *testing.T) {
	for name, second := range map[string]string{"of two phones": "254700000111", "of one phone": "254712345678"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.route()
			first, _ := w.push("ORDER123")
			w.clock.pass(time.Second)
			status, body := w.post("/api/mpesa/stk-push", `{"amount":1000,"phone_number":"`+second+`","reference":"ORDER123"}`)
			var a struct {
				Transaction struct{ Reference transaction.Reference }
			}
			if status != 200 || json.Unmarshal([]byte(body), &a) != nil || a.Transaction.Reference == first {
				t.Fatalf("stk-push: %d %s", status, body)
			}
			w.daraja.say("0")
			if _, err := w.write.AskStatus(t.Context(), first, 1, commands.By{Actor: "test"}); err != nil {
				t.Fatal(err)
			}
			w.mustPost("/mpesa/confirmation", confirmation("order 123", "QGR7I8K2LM", "1000.00"))
			w.clock.pass(time.Minute)
			w.settle("QGR7I8K2LM")
			if s := w.state(first); s.Receipt() != "QGR7I8K2LM" || s.Credited.Major() != 1000 || s.Surplus.Minor != 0 {
				t.Errorf("the first has receipt %q, %s credited, %s too much", s.Receipt(), s.Credited, s.Surplus)
			}
			if all := w.listed(); len(all) != 2 || all[a.Transaction.Reference].Credited.Minor != 0 {
				t.Errorf("%d payments are listed, the second with %s", len(all), all[a.Transaction.Reference].Credited)
			}
		})
	}
}
