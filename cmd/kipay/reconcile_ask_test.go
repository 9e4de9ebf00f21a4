package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Two people order at one table, for one amount, and their numbers look the same on the statement. One of them has paid, and
// nobody has told of it. M-Pesa knows which.
func TestMpesaIsAskedWhoPaidALineThatFitsTwoPayments(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	m := newRefundShop(t, in)
	order := func(scenario, number string) string {
		in.admin(t, "daraja", "next", `{"scenario":"`+scenario+`","msisdn":"`+number+`"}`)
		return m.post("/api/mpesa/stk-push", `{"amount":640,"phone_number":"`+number+`","payment_channel_id":`+m.mpesa+`,"reference":"TABLE 7"}`).
			want(t, 200, nil).text("transaction.reference")
	}
	waits, paid := order("response-lost-nothing", "254701111108"), order("response-lost-silent-success", "254701222108")
	stranger := `{"payment_channel_id":` + m.mpesa + `,"amount":55,"phone_number":"254700060005","reference":"NOBODY"}`
	var file string
	shows := func(what string) {
		eventually(t, 15*time.Second, "the statement shows "+what, func() error {
			if file = m.statement(t, ""); !strings.Contains(file, what) {
				return fmt.Errorf("%s", file)
			}
			return nil
		})
	}
	shows(",640.00,")
	m.registerC2B(t) // from here on payments are confirmed, all but the stranger's
	m.post("/api/mpesa/simulate-c2b", stranger).want(t, 200, nil)
	shows("NOBODY")
	id := m.imported(t, file, "done").text("import.id")
	both := m.difference(t, id, "unexplained").want(t, 200, shape{"data.0.state": `="open"`, "data.0.provider_status": "=null", "data.0.references": "list"})
	if both.len("data.0.references") != 2 {
		t.Fatalf("the line is not ambiguous: %v", both)
	}
	ask := func(item string) string { return "/api/reconciliation/items/" + item + "/ask" }
	said := m.post(ask(both.text("data.0.id")), `{}`).want(t, 200, shape{
		"item.state": `="resolved"`, "item.action": `="recorded"`, "item.resolved_to": `="` + paid + `"`, "item.provider_status.status": `="completed"`,
		"item.provider_status.amount": "=640", "item.provider_status.phone": `="254701222108"`, "item.provider_status.answered_at": "time",
	})
	m.settles(t, paid, "completed", 15*time.Second)
	if other := m.get("/api/transactions/verify/" + waits); other.text("status") == "completed" {
		t.Errorf("the other was credited: %v", other)
	}
	m.difference(t, id, "unexplained").want(t, 200, shape{"data.0.state": `="resolved"`, "data.0.provider_status.status": `="completed"`})
	if story := m.get("/api/transactions/" + paid + "/history").raw; !strings.Contains(story, "ReceiptStatusAnswered") {
		t.Errorf("the history does not hold what M-Pesa said: %s", story)
	}

	// What M-Pesa says of money of nobody helps a person, and moves nothing.
	unknown := m.difference(t, id, "unknown_payer").text("data.0.id")
	out := in.cli(t, "reconcile", "ask", unknown, "--merchant", m.id, "--mode", "test")
	if !strings.Contains(out, "M-Pesa says: completed, KES 55, from 254700060005") || !strings.Contains(out, "is open") {
		t.Errorf("reconcile ask: %s", out)
	}
	if got := m.balanceOf(t, "suspense"); got != "55" {
		t.Errorf("suspense holds %s", got)
	}
	if shown := in.cli(t, "reconcile", "differences", id, "--merchant", m.id, "--mode", "test"); strings.Count(shown, "M-Pesa says: completed") != 2 {
		t.Errorf("reconcile differences: %s", shown)
	}
	if !strings.HasPrefix(said.text("item.provider_status.asked_at"), "20") {
		t.Errorf("%v", said)
	}
	m.post(ask("7"), `{}`).wantError(t, 404, "")
	newShop(t, in).post(ask(unknown), `{}`).wantError(t, 404, "")
}
