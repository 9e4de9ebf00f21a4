package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestARefundIsQueuedThenProcessedAndReversesThePayment(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	a := w.refund("transaction", "pay-1", "customer_note", "sorry", "merchant_note", "RF-1")
	data := a.data(t)
	if a.json(t)["message"] != "Refund has been queued for processing" {
		t.Error(a.body)
	}
	tx := data["transaction"].(map[string]any)
	for field, want := range map[string]any{
		"status": "pending", "amount": json.Number("10000"), "currency": "KES", "domain": "test", "customer_note": "sorry", "merchant_note": "RF-1",
		"deducted_amount": json.Number("0"), "fully_deducted": false, "expected_at": "2026-01-08T09:00:01.000Z", "dispute": nil, "createdAt": "2026-01-01T09:00:01.000Z",
	} {
		if got, present := data[field]; got != want || !present {
			t.Errorf("%s is %v, want %v", field, got, want)
		}
	}
	if tx["reference"] != "pay-1" || tx["status"] != "reversal-pending" || tx["fees"] != json.Number("290") {
		t.Errorf("%v", tx)
	}
	path := "/refund/" + idIn(t, data)
	for _, status := range []string{"pending", "processing", "processed"} {
		got := w.get(path)
		if fetched := got.data(t); fetched["status"] != status || fetched["transaction"] != tx["id"] || got.json(t)["message"] != "Refund retrieved" || fetched["merchant_note"] != "RF-1" ||
			(fetched["refunded_at"] != nil) != (status == "processed") || (fetched["bank_reference"] != nil) != (status != "pending") {
			t.Errorf("%s: %v", status, fetched)
		}
		if status != "processed" && w.status("pay-1") != "reversal-pending" {
			t.Errorf("the payment is %s", w.status("pay-1"))
		}
		w.passes(refundStep)
	}
	w.hears("refund.pending string 10000 false", "refund.processing string 10000 true", "refund.processed string 10000 true")
	w.nothing()
	verified := w.verify("pay-1").data(t)
	if verified["status"] != "reversed" || verified["fees"] != json.Number("290") || verified["paid_at"] == nil || verified["authorization"].(map[string]any)["last4"] != "4081" {
		t.Errorf("%v", verified)
	}
	if n := len(w.rows("/transaction?status=reversed")); n != 1 {
		t.Errorf("%d are listed as reversed", n)
	}
}

func TestEveryCardRefundsAsItsLineSays(t *testing.T) {
	for _, c := range []struct{ card, end, then string }{
		{goodCard, "refund.processed string 4000 true", "success"},
		{"4084080000671803", "refund.failed string 4000 true", "success"},
		{"4084080000671902", "refund.needs-attention string 4000 true", "reversal-pending"},
	} {
		w := newWorld(t, nil)
		w.paid("pay-1", c.card)
		id := idIn(t, w.refund("transaction", "pay-1", "amount", 4000).data(t))
		w.passes(10 * time.Second)
		w.hears("refund.pending string 4000 false", "refund.processing string 4000 true", c.end)
		if got := w.status("pay-1"); got != c.then {
			t.Errorf("%s: the payment is %s", c.card, got)
		}
		details := `{"refund_account_details":{"currency":"KES","account_number":"1234567890","bank_id":"9"}}`
		retried := w.do("POST", "/refund/retry_with_customer_details/"+id, headers(key), details)
		if c.then == "success" {
			if retried.status != 400 {
				t.Errorf("%s: retried: %d %s", c.card, retried.status, retried.body)
			}
			w.nothing()
			continue
		}
		if retried.json(t)["message"] != "Refund retried and has been queued for processing" || retried.data(t)["status"] != "processing" {
			t.Errorf("%d %s", retried.status, retried.body)
		}
		w.passes(10 * time.Second)
		w.hears("refund.processing string 4000 true", "refund.processed string 4000 true")
		w.nothing()
		if got := w.get("/refund/" + id).data(t)["status"]; got != "processed" || w.status("pay-1") != "success" {
			t.Errorf("%v, %s", got, w.status("pay-1"))
		}
	}
}

func TestNeedsAttentionSaysWhatTheOthersLeaveOut(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", "4084080000671902")
	id := idIn(t, w.refund("transaction", "pay-1", "merchant_note", "RF-1").data(t))
	w.passes(10 * time.Second)
	for i := range 3 {
		var got struct{ Data map[string]any }
		if err := json.Unmarshal([]byte(w.delivered().Body), &got); err != nil {
			t.Fatal(err)
		}
		customer, _ := got.Data["customer"].(map[string]any)
		if customer["email"] != "customer@email.com" || got.Data["transaction_reference"] != "pay-1" || number(got.Data["integration"]) < 100_000 {
			t.Errorf("%v", got.Data)
		}
		if (got.Data["id"] != nil) != (i == 2) || i == 2 && (fmt.Sprint(number(got.Data["id"])) != id || got.Data["merchant_note"] != "RF-1") {
			t.Errorf("event %d: %v", i, got.Data)
		}
	}
}

func TestRefundsAreRefusedInPaystacksWords(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.RefundCredit = 200_00 })
	w.open("unpaid")
	w.paid("whole", goodCard)
	w.paid("part", goodCard)
	w.refund("transaction", "whole").data(t)
	w.refund("transaction", "part", "amount", "4000", "currency", "KES").data(t)
	w.passes(10 * time.Second)
	const exceeds = "Total refund amount cannot exceed original transaction amount"
	for _, c := range []struct {
		pairs   []any
		message string
	}{
		{[]any{"transaction", "whole"}, "Transaction has been fully reversed"},
		{[]any{"transaction", "part", "amount", 6001}, exceeds},
		{[]any{"transaction", "part"}, exceeds}, // all of it, although a part has gone back
		{[]any{"transaction", "part", "amount", 5000, "currency", "NGN"}, "Transaction currency must match refund currency"},
		{[]any{"transaction", "part", "amount", 5000, "currency", 7}, "Transaction currency must match refund currency"},
		{[]any{"transaction", "part", "amount", 99}, "Minimum refund amount is 1.00"},
		{[]any{"transaction", "part", "amount", 0}, "Invalid Amount Sent"},
		{[]any{"transaction", "part", "amount", 10.5}, "Amount must be an integer"},
		{[]any{"transaction", "part", "amount", 500, "customer_note", strings.Repeat("x", maxNoteBytes+1)}, "Invalid note"},
		{[]any{"transaction", "unpaid"}, "Only a successful transaction can be refunded"},
		{[]any{"transaction", "nosuch"}, "Transaction not found"},
		{[]any{"amount", 500}, "Transaction not found"},
	} {
		a := w.refund(c.pairs...)
		if got := a.json(t); a.status != 400 || got["status"] != false || got["message"] != c.message {
			t.Errorf("%v: %d %s", c.pairs, a.status, a.body)
		}
	}
	// 194.20 earned, 140.00 gone back, 200.00 of credit: 254.20 may still go.
	w.pay("large", goodCard, 1000_00)
	w.sim.mu.Lock()
	w.sim.accounts[key].balance["KES"] -= 971_00 // paid out meanwhile
	w.sim.mu.Unlock()
	if a := w.refund("transaction", "large", "amount", 254_21); a.json(t)["message"] != "Insufficient balance to fulfill this refund. Please top up." {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.refund("transaction", "large", "amount", 254_20).data(t)
}

func TestTheWholeIsRefundedByIDToo(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	id := w.verify("pay-1").data(t)["id"].(json.Number)
	w.refund("transaction", id, "amount", 5000).data(t)
	w.refund("transaction", id.String(), "amount", 5000).data(t)
	if a := w.refund("transaction", "pay-1", "amount", 100); a.status != 400 {
		t.Errorf("more than the whole: %d %s", a.status, a.body)
	}
	if a := w.do("POST", "/refund", headers("sk_test_another0000"), `{"transaction":"`+id.String()+`"}`); a.status != 400 {
		t.Errorf("by another account: %d %s", a.status, a.body)
	}
	w.passes(10 * time.Second)
	if got := w.status("pay-1"); got != "reversed" {
		t.Errorf("the payment is %s", got)
	}
}

func TestARefundWhoseAnswerIsLostIsMadeAndListed(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	if err := w.sim.Script(Next{On: "refund", Fault: DropAfter}); err != nil {
		t.Fatal(err)
	}
	if a, err := w.try("POST", "/refund", headers(key), `{"transaction":"pay-1","merchant_note":"RF-1"}`); err == nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := w.sim.Script(Next{On: "refund", Fault: Internal}); err != nil {
		t.Fatal(err)
	}
	if a := w.refund("transaction", "pay-1"); a.status != 500 {
		t.Errorf("%d %s", a.status, a.body)
	}
	id := w.verify("pay-1").data(t)["id"].(json.Number).String()
	for query, want := range map[string]int{
		"?transaction=" + id: 1, "?transaction=pay-1": 0, "": 1, "?transaction=1": 0, "?from=2026-01-02": 0, "?to=2026-01-01": 1, "?page=2": 0,
	} {
		rows := w.rows("/refund" + query)
		if len(rows) != want {
			t.Errorf("%s: %v", query, rows)
		}
		if len(rows) == 1 && (rows[0]["merchant_note"] != "RF-1" || fmt.Sprint(number(rows[0]["transaction"])) != id) {
			t.Errorf("%s: %v", query, rows)
		}
	}
	for _, query := range []string{"?perPage=0", "?from=x", "?to=x", "?page=x"} {
		if a := w.get("/refund" + query); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for _, path := range []string{"/refund/1", "/refund/x"} {
		if a := w.get(path); a.status != 404 || a.json(t)["message"] != "Refund not found" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestTheWebhooksOfARefundHaveTheHabitsOfPayments(t *testing.T) {
	pending, processing, processed := "refund.pending string 10000 false", "refund.processing string 10000 true", "refund.processed string 10000 true"
	spoilt := func(change func(string) string) []string {
		return []string{change(pending), change(processing), change(processed)}
	}
	twice := func(first func(string) string) []string {
		return []string{first(pending), pending, first(processing), processing, first(processed), processed}
	}
	for habit, want := range map[string][]string{
		"normal":              {pending, processing, processed},
		"lost":                nil,
		"tripled":             {pending, pending, pending, processing, processing, processing, processed, processed, processed},
		"late":                {pending, processing, processed},
		reordered:             {processed, processing, pending},
		"before-redirect":     {pending, processing, processed},
		"wrong-amount":        spoilt(func(s string) string { return strings.Replace(s, "10000", "10100", 1) }),
		"wrong-currency":      spoilt(func(s string) string { return s + " USD" }),
		"live-domain":         spoilt(func(s string) string { return s + " live" }),
		"forged":              spoilt(func(s string) string { return s + " badly signed" }),
		"bad-signature-first": twice(func(s string) string { return s + " badly signed" }),
		"unsigned-first":      twice(func(s string) string { return s + " badly signed" }),
		"junk-first":          twice(func(string) string { return "junk" }),
	} {
		t.Run(habit, func(t *testing.T) {
			w := newWorld(t, nil)
			w.paid("pay-1", goodCard)
			if a := w.do("POST", "/__sim/next", nil, `{"refund":"processed","webhook":"`+habit+`","reference":"pay-1"}`); a.status != 200 {
				t.Fatal(a.body)
			}
			before := len(w.sim.Deliveries())
			w.refund("transaction", "pay-1").data(t)
			if n := len(w.sim.Deliveries()) - before; (n == 1) != (habit == "before-redirect") {
				t.Errorf("%d are delivered before the answer", n)
			}
			w.passes(5 * time.Second)
			if habit == "late" && len(w.sim.Deliveries()) != before {
				t.Error("it came too early")
			}
			if got := w.status("pay-1"); got != "reversed" {
				t.Errorf("the payment is %s", got)
			}
			w.passes(hookLate)
			w.hears(want...)
			w.nothing()
		})
	}
}

func TestAWebhookOfARefundTellsTheStateOfItsTime(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	w.merchant.answers(http.StatusServiceUnavailable)
	w.refund("transaction", "pay-1").data(t)
	w.passes(2 * time.Second)
	w.merchant.answers(http.StatusOK)
	w.passes(10 * time.Second)
	w.hears("refund.pending string 10000 false", "refund.processing string 10000 true")
	w.hears("refund.pending string 10000 false") // again, as it was
	w.hears("refund.processed string 10000 true")
	w.nothing()
}

func TestRefundsOfAPaymentAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", "4084080000671803")
	for i := range maxRefunds {
		if a := w.refund("transaction", "pay-1", "amount", 100); a.status != 200 {
			t.Fatalf("refund %d: %d %s", i, a.status, a.body)
		}
		w.passes(5 * time.Second)
		w.hears("refund.pending string 100 false", "refund.processing string 100 true", "refund.failed string 100 true")
	}
	if a := w.refund("transaction", "pay-1", "amount", 100); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	crowd := newWorld(t, func(o *Options) { o.MaxTransactions = 1 })
	crowd.paid("pay-1", goodCard)
	for range jobsPerTransaction {
		crowd.refund("transaction", "pay-1", "amount", 100)
	}
	if a := crowd.refund("transaction", "pay-1", "amount", 100); a.status != 429 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestResetEndsRefundsAndDisputesUnderWay(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	w.paid("pay-2", goodCard)
	w.refund("transaction", "pay-1").data(t)
	if _, err := w.sim.OpenDispute(key, "pay-2", DisputeOptions{}); err != nil {
		t.Fatal(err)
	}
	w.sim.Reset()
	w.nothing()
	if n := len(w.rows("/refund")) + len(w.rows("/dispute")) + len(w.rows("/settlement")); n != 0 {
		t.Errorf("%d are still there", n)
	}
}
