package commands_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

const (
	simulateTaken   = `{"OriginatorCoversationID":"1","ResponseCode":"0","ResponseDescription":"Accept the service request successfully."}`
	simulateRefused = `{"requestId":"1","errorCode":"400.002.02","errorMessage":"Bad Request - Invalid Msisdn"}`
	simulateBody    = `{"payment_channel_id":1,"amount":1000,"phone_number":"254712345678","reference":"ORDER123"}`
)

type simulatedAnswer struct {
	Transaction struct {
		Status               string
		TransactionReference *transaction.Reference `json:"transaction_reference"`
		Receipt              *string
	}
}

func (w *world) simulate(headers ...string) (int, simulatedAnswer, string) {
	w.t.Helper()
	status, body := w.post("/api/mpesa/simulate-c2b", simulateBody, headers...)
	var a simulatedAnswer
	if status == 200 && json.Unmarshal([]byte(body), &a) != nil {
		w.t.Fatalf("%d %s", status, body)
	}
	return status, a, body
}

// A simulated payment that fits a push which is still on the phone waits for that push: it is nobody's payment yet, and no
// transaction may be named that nobody will ever find.
func TestSimulatedPaymentIsNamedAsItIs(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	w.daraja.simulateBy(func(map[string]any) string {
		w.mustPost("/mpesa/confirmation", confirmation("ORDER123", "QGR7I8K2LM", "1000.00"))
		return simulateTaken
	})
	ref, url := w.push("ORDER123")
	if status, a, body := w.simulate(); status != 200 || a.Transaction.Status != "pending" || a.Transaction.TransactionReference != nil || *a.Transaction.Receipt != "QGR7I8K2LM" {
		t.Errorf("while the push waits: %d %s", status, body)
	}
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	w.daraja.simulateBy(func(map[string]any) string {
		w.mustPost("/mpesa/confirmation", confirmation("order123", "QGR7I8K2LM", "1000.00"))
		return simulateTaken
	})
	if status, a, body := w.simulate(); status != 200 || a.Transaction.Status != "completed" || *a.Transaction.TransactionReference != ref {
		t.Errorf("once the push has it: %d %s", status, body)
	}
	w.daraja.simulateBy(func(map[string]any) string {
		w.mustPost("/mpesa/confirmation", confirmation("ORDER123", "QGR7I8K2LN", "1000.00"))
		return simulateTaken
	})
	status, a, body := w.simulate()
	if status != 200 || a.Transaction.Status != "completed" || w.state(*a.Transaction.TransactionReference).Receipt() != "QGR7I8K2LN" {
		t.Errorf("on its own: %d %s", status, body)
	}
}

// An order whose outcome is unknown is not given again: its twin looks for what came of it.
func TestSimulatedPaymentIsOrderedOncePerIdempotencyKey(t *testing.T) {
	for name, c := range map[string]struct {
		answer       string
		confirmed    bool
		first, again int
		status       string
	}{
		"the answer is lost":                     {"", true, 409, 200, "completed"},
		"the answer is lost, and nothing comes":  {"", false, 409, 200, "pending"},
		"refused":                                {simulateRefused, false, 409, 409, ""},
		"taken":                                  {simulateTaken, true, 200, 200, "completed"},
		"taken, and the confirmation never came": {simulateTaken, false, 200, 200, "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.route()
			w.daraja.simulateBy(func(map[string]any) string {
				if c.confirmed {
					w.mustPost("/mpesa/confirmation", confirmation("ORDER123", "QGR7I8K2LM", "1000.00"))
				}
				return c.answer
			})
			status, _, first := w.simulate("Idempotency-Key", "one")
			if status != c.first {
				t.Fatalf("%d %s", status, first)
			}
			var twins []string
			for range 2 {
				status, a, body := w.simulate("Idempotency-Key", "one")
				if status != c.again || a.Transaction.Status != c.status {
					t.Errorf("the twin: %d %s", status, body)
				}
				twins = append(twins, fmt.Sprint(status, body))
			}
			if twins[0] != twins[1] || (c.first == c.again && twins[0] != fmt.Sprint(status, first)) {
				t.Errorf("first %s\ntwins %s", first, twins)
			}
			if n := w.daraja.ordered(); n != 1 {
				t.Errorf("%d payments are ordered under one key", n)
			}
			w.clock.pass(time.Minute)
			if n := len(w.listed()); n > 1 {
				t.Errorf("%d payments are listed", n)
			}
		})
	}
}

func TestSimulatedPaymentOfAShortcodeNeedsAnAccount(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	status, answer := w.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":1,"amount":1000,"phone_number":"254712345678"}`)
	if status != 400+int(domain.CodeInvalid) || !strings.Contains(answer, "reference: is required") || w.daraja.ordered() != 0 {
		t.Errorf("%d %s", status, answer)
	}
}

func TestPushInAnotherCurrencyIsRefused(t *testing.T) {
	w := newWorld(t, "sandbox")
	push := func(currency string) (int, string) {
		return w.post("/api/mpesa/stk-push", `{"amount":1000,"phone_number":"254712345678","reference":"ORDER123","currency":"`+currency+`"}`)
	}
	for _, currency := range []string{"USD", "NGN", "shillings"} {
		if status, answer := push(currency); status != 400+int(domain.CodeInvalid) || !strings.Contains(answer, "currency: ") {
			t.Errorf("%s: %d %s", currency, status, answer)
		}
	}
	if n := len(w.daraja.pushed()); n != 0 {
		t.Errorf("%d pushes were sent", n)
	}
	if status, answer := push("KSH"); status != 200 {
		t.Errorf("KSH: %d %s", status, answer)
	}
}
