package main_test

import (
	"fmt"
	"testing"
	"time"
)

// onePayment tells whether exactly one completed payment of the amount is listed, and never were there more.
func onePayment(t *testing.T, m *merchant, amount string) func() error {
	t.Helper()
	return func() error {
		n := 0
		for _, row := range m.listed(t, "status=completed") {
			if asJSON(row["amount"]) == amount {
				n++
			}
		}
		if n > 1 {
			t.Fatalf("the money is counted %d times", n)
		}
		if n != 1 {
			return fmt.Errorf("no payment of %s is listed", amount)
		}
		return nil
	}
}

// The callback is lost, the customer's confirmation comes, and the query is first asked after the confirmation has waited
// long enough: found by trying, the confirmation stood alone and the query completed the push beside it.
func TestConfirmationThenQueryAreOnePayment(t *testing.T) {
	t.Parallel()
	in := common(t, "late query", quick(settings{"STATUS_QUERY_AFTER": "6s", "C2B_WAIT": "500ms", "PUSH_WINDOW": "12s"}))
	m := newShop(t, in)
	m.registerC2B(t)
	in.admin(t, "daraja", "next", `{"scenario":"silent-success"}`)
	ref := m.push(t, phone(), "611")
	eventually(t, 15*time.Second, "the payment is listed", onePayment(t, m, "611"))
	throughout(t, 8*time.Second, "one payment", onePayment(t, m, "611"))
	m.settles(t, ref, "completed", 10*time.Second).want(t, 200, shape{"transaction.receipt": "~^[A-Z0-9]{10}$"})
}

// As above, but the query does not answer when it is asked first: the confirmation stands alone for a while, and becomes a
// part of the push when the query calls it paid.
func TestConfirmationThatStoodAloneJoinsThePushThatTheQueryCallsPaid(t *testing.T) {
	t.Parallel()
	in := common(t, "late query", quick(settings{"STATUS_QUERY_AFTER": "6s", "C2B_WAIT": "500ms", "PUSH_WINDOW": "12s"}))
	m := newShop(t, in)
	m.moveTo(t, "600984")
	m.registerC2B(t)
	in.admin(t, "daraja", "next", `{"scenario":"query-flapping"}`)
	ref := m.push(t, phone(), "622")
	m.settles(t, ref, "completed", 30*time.Second)
	eventually(t, 10*time.Second, "its receipt is known", func() error {
		if r := m.get("/api/mpesa/stk-status/" + ref); r.text("transaction.receipt") == "" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if err := onePayment(t, m, "622")(); err != nil {
		t.Error(err)
	}
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"transaction.amount_received": "=622", "transaction.needs_review": "=false"})
}
