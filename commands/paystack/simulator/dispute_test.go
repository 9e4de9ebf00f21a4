package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// disputed is a payment of 100.00 with an open dispute, whose first webhook is out of the way.
func (w *world) disputed(reference string) (id string) {
	w.t.Helper()
	w.paid(reference, goodCard)
	a := w.do("POST", "/__sim/disputes", nil, `{"reference":"`+reference+`"}`)
	if a.status != 200 {
		w.t.Fatalf("%d %s", a.status, a.body)
	}
	w.clock.Advance(hookAfter)
	w.hears("charge.dispute.create 10000 awaiting-merchant-feedback")
	return a.json(w.t)["dispute"].(json.Number).String()
}

func (w *world) resolve(id string, body map[string]any) response {
	w.t.Helper()
	return w.do("PUT", "/dispute/"+id+"/resolve", headers(key), marshal(w.t, body))
}

func (w *world) upload(id string) (file, path string) {
	w.t.Helper()
	data := w.get("/dispute/" + id + "/upload_url?upload_filename=receipt.pdf").data(w.t)
	return data["fileName"].(string), strings.TrimPrefix(data["signedUrl"].(string), w.paystack.URL)
}

func TestADisputeInTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	id := w.disputed("pay-1")
	var told struct{ Data map[string]any }
	if err := json.Unmarshal([]byte(w.sim.Deliveries()[1].Body), &told); err != nil {
		t.Fatal(err)
	}
	fetched := w.get("/dispute/" + id).data(t)
	listed := w.rows("/dispute")
	for name, got := range map[string]map[string]any{"webhook": told.Data, "fetched": fetched, "listed": listed[0]} {
		for field, want := range map[string]any{
			"status": "awaiting-merchant-feedback", "resolution": nil, "currency": "KES", "domain": "test", "category": "chargeback", "transaction_reference": nil,
			"dueAt": "2026-01-01T10:12:01.000Z", "resolvedAt": nil, "evidence": nil, "last4": "4081", "bin": "408408", "attachments": nil, "note": nil,
		} {
			if value, present := got[field]; value != want || !present {
				t.Errorf("%s: %s is %v, want %v", name, field, value, want)
			}
		}
		tx, _ := got["transaction"].(map[string]any)
		history, _ := got["history"].([]any)
		messages, _ := got["messages"].([]any)
		if tx["reference"] != "pay-1" || tx["status"] != "success" || len(history) != 1 || len(messages) != 1 || number(got["refund_amount"]) != 10000 || fmt.Sprint(number(got["id"])) != id {
			t.Errorf("%s: %v", name, got)
		}
		_, snake := got["created_at"]
		_, camel := got["createdAt"]
		if snake != (name == "webhook") || camel == snake {
			t.Errorf("%s: %v", name, got)
		}
	}
	txID := fmt.Sprint(number(fetched["transaction"].(map[string]any)["id"]))
	for query, want := range map[string]int{
		"?transaction=" + txID: 1, "?transaction=pay-1": 0, "?status=resolved": 0, "?status=awaiting-merchant-feedback": 1, "?from=2026-01-02": 0, "?to=2026-01-01&page=1": 1, "?page=2": 0,
	} {
		if rows := w.rows("/dispute" + query); len(rows) != want {
			t.Errorf("%s: %v", query, rows)
		}
	}
	for _, query := range []string{"?perPage=0", "?from=x", "?to=x"} {
		if a := w.get("/dispute" + query); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for _, path := range []string{"/dispute/1", "/dispute/x", "/dispute/1/upload_url?upload_filename=a"} {
		if a := w.get(path); a.status != 404 || a.json(t)["message"] != "Dispute not found" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := w.do("GET", "/dispute/"+id, headers("sk_test_another0000"), ""); a.status != 404 {
		t.Errorf("another account's: %d %s", a.status, a.body)
	}
}

func TestAcceptingADisputeGivesTheMoneyBack(t *testing.T) {
	w := newWorld(t, nil)
	id := w.disputed("pay-1")
	file, path := w.upload(id)
	if a := w.do("PUT", path, nil, "%PDF"); a.status != http.StatusOK {
		t.Errorf("upload: %d %s", a.status, a.body)
	}
	a := w.resolve(id, map[string]any{"resolution": "merchant-accepted", "message": "our mistake", "refund_amount": 4000, "uploaded_filename": file})
	if data := a.data(t); a.json(t)["message"] != "Dispute successfully resolved" || data["status"] != "resolved" || data["resolution"] != "merchant-accepted" ||
		data["attachments"] != file || data["resolvedAt"] == nil || len(data["messages"].([]any)) != 2 || len(data["history"].([]any)) != 2 {
		t.Error(a.body)
	}
	if got := w.status("pay-1"); got != "reversal-pending" {
		t.Errorf("the payment is %s", got)
	}
	w.passes(10 * time.Second)
	told := map[string]bool{}
	for range 4 { // of two matters, in any order
		told[w.heard()] = true
	}
	for _, want := range []string{
		"charge.dispute.resolve 4000 resolved merchant-accepted", "refund.pending string 4000 false", "refund.processing string 4000 true", "refund.processed string 4000 true",
	} {
		if !told[want] {
			t.Errorf("not heard: %s in %v", want, told)
		}
	}
	w.nothing()
	if refund := w.rows("/refund")[0]; fmt.Sprint(number(refund["dispute"])) != id || number(refund["amount"]) != 4000 {
		t.Errorf("%v", refund)
	}
	if got := w.status("pay-1"); got != "success" {
		t.Errorf("the payment is %s", got)
	}
	if a := w.resolve(id, map[string]any{"resolution": "declined"}); a.json(t)["message"] != "Dispute has already been resolved" {
		t.Error(a.body)
	}
}

func TestDecliningLeavesItToTheBank(t *testing.T) {
	w := newWorld(t, nil)
	id := w.disputed("pay-1")
	evidence := w.do("POST", "/dispute/"+id+"/evidence", headers(key), `{"customer_email":"a@b.co","customer_name":"Ann Otieno","customer_phone":"0700000000","service_details":"shoes"}`)
	if evidence.json(t)["message"] != "Evidence created" {
		t.Error(evidence.body)
	}
	given := evidence.data(t)
	again := w.do("POST", "/dispute/"+id+"/evidence", headers(key), `{"customer_email":"a@b.co","customer_name":"Ann Otieno","customer_phone":"0700000000","service_details":"boots","delivery_date":"2026-01-01","delivery_address":"1 High Street"}`).data(t)
	if again["id"] != given["id"] || again["service_details"] != "boots" || again["dispute"] != json.Number(id) {
		t.Errorf("%v", again)
	}
	file, _ := w.upload(id)
	answer := map[string]any{"resolution": "declined", "message": "delivered", "refund_amount": 0, "uploaded_filename": file, "evidence": given["id"]}
	if data := w.resolve(id, answer).data(t); data["status"] != "awaiting-bank-feedback" || data["resolution"] != nil || data["evidence"].(map[string]any)["service_details"] != "boots" {
		t.Errorf("%v", data)
	}
	w.passes(bankDecides + hookAfter)
	w.hears("charge.dispute.resolve 0 resolved declined")
	w.nothing()
	if n := len(w.rows("/refund")); n != 0 || w.status("pay-1") != "success" {
		t.Errorf("%d refunds, %s", n, w.status("pay-1"))
	}
}

func TestWhoIsSilentIsRemindedAndHasAccepted(t *testing.T) {
	w := newWorld(t, nil)
	w.disputed("pay-1")
	w.passes(disputeWindow - time.Minute)
	for range int(disputeWindow/remindEvery) - 1 {
		w.hears("charge.dispute.remind 10000 awaiting-merchant-feedback")
	}
	w.passes(2 * time.Minute)
	told := map[string]bool{}
	for range 4 {
		told[w.heard()] = true
	}
	if !told["charge.dispute.resolve 10000 resolved auto-accepted"] || !told["refund.processed string 10000 true"] {
		t.Errorf("%v", told)
	}
	w.nothing()
	if got := w.status("pay-1"); got != "reversed" {
		t.Errorf("the payment is %s", got)
	}
}

func TestTheDisputingCardDisputes(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", "4084081000000126")
	w.passes(complainAfter + hookAfter)
	w.hears("charge.dispute.create 10000 awaiting-merchant-feedback")
}

func TestADisputeToldBackwards(t *testing.T) {
	w := newWorld(t, nil)
	w.paid("pay-1", goodCard)
	id, err := w.sim.OpenDispute(key, "pay-1", DisputeOptions{Amount: 5000, Webhook: reordered})
	if err != nil {
		t.Fatal(err)
	}
	w.passes(time.Minute)
	if a := w.do("POST", fmt.Sprintf("/__sim/disputes/%d/remind", id), nil, ""); a.status != 200 {
		t.Fatal(a.body)
	}
	if a := w.do("POST", fmt.Sprintf("/__sim/disputes/%d/resolve", id), nil, `{"resolution":"declined"}`); a.status != 200 {
		t.Fatal(a.body)
	}
	w.passes(time.Minute)
	w.hears("charge.dispute.resolve 0 resolved declined", "charge.dispute.remind 5000 awaiting-merchant-feedback", "charge.dispute.create 5000 awaiting-merchant-feedback")
	w.nothing()
	if a := w.do("POST", fmt.Sprintf("/__sim/disputes/%d/remind", id), nil, ""); a.status != 422 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestDisputesAreRefusedByReason(t *testing.T) {
	w := newWorld(t, nil)
	id := w.disputed("pay-1")
	file, path := w.upload(id)
	if a := w.do("PUT", path, nil, strings.Repeat("x", maxUploadBytes+1)); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large file: %d", a.status)
	}
	good := map[string]any{"resolution": "merchant-accepted", "message": "m", "refund_amount": 5000, "uploaded_filename": file}
	for _, c := range []struct {
		field   string
		value   any
		message string
	}{
		{"resolution", "won", "resolution must be one of merchant-accepted, declined"},
		{"message", "", "message is required"},
		{"message", 7, "message is required"},
		{"refund_amount", nil, "Invalid refund_amount"},
		{"refund_amount", 0, "Invalid refund_amount"},
		{"refund_amount", -1, "Invalid refund_amount"},
		{"refund_amount", 10001, "Invalid refund_amount"},
		{"uploaded_filename", "nosuch", "uploaded_filename is required"},
		{"uploaded_filename", nil, "uploaded_filename is required"},
		{"evidence", 7, "Invalid evidence"},
	} {
		body := map[string]any{}
		for k, v := range good {
			body[k] = v
		}
		body[c.field] = c.value
		if a := w.resolve(id, body); a.status != 400 || a.json(t)["message"] != c.message {
			t.Errorf("%s %v: %d %s", c.field, c.value, a.status, a.body)
		}
	}
	for _, body := range []string{
		`{}`, `{"customer_email":"a","customer_name":"b","customer_phone":"c","service_details":"d"}`,
		`{"customer_email":"a@b.co","customer_name":"b","customer_phone":"c"}`,
		`{"customer_email":"a@b.co","customer_name":"b","customer_phone":"c","service_details":"d","delivery_date":"soon"}`,
		`{"customer_email":"a@b.co","customer_name":7,"customer_phone":"c","service_details":"d"}`,
	} {
		if a := w.do("POST", "/dispute/"+id+"/evidence", headers(key), body); a.status != 400 || a.json(t)["message"] != "Invalid evidence" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := w.get("/dispute/" + id + "/upload_url"); a.status != 400 {
		t.Errorf("no name: %d %s", a.status, a.body)
	}
	w.open("unpaid")
	for _, body := range []string{
		`{"reference":"unpaid"}`, `{"reference":"pay-1"}`, `{"reference":"pay-1","amount":10001}`, `{"reference":"pay-1","webhook":"nosuch"}`,
	} {
		if a := w.do("POST", "/__sim/disputes", nil, body); a.status != 422 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	w.do("POST", "/transaction/initialize", headers("sk_test_another0000"), marshal(t, initBody("unpaid")))
	if a := w.do("POST", "/__sim/disputes", nil, `{"reference":"unpaid"}`); a.status != 422 || !strings.Contains(a.body, "2 accounts") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.do("POST", "/__sim/disputes", map[string]string{"Authorization": "Bearer " + key}, `{"reference":"unpaid"}`); !strings.Contains(a.body, "not paid") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestEvidenceDoesNotFillTheMemory(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 2 })
	id := w.disputed("pay-1")
	body := marshal(t, map[string]any{
		"customer_email": "a@b.co", "customer_name": strings.Repeat("n", maxEvidenceBytes), "customer_phone": strings.Repeat("p", maxEvidenceBytes),
		"service_details": strings.Repeat("s", maxEvidenceBytes),
	})
	w.open("pay-2")
	if a := w.do("POST", "/dispute/"+id+"/evidence", headers(key), body); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := w.get("/dispute/" + id); a.status != 404 {
		t.Errorf("the dispute of a forgotten payment: %d", a.status)
	}
	w.sim.mu.Lock()
	defer w.sim.mu.Unlock()
	if len(w.sim.disputes) != 0 || w.sim.held != w.sim.order[0].size() || len(w.sim.order) != 1 {
		t.Errorf("%d disputes, %d bytes of %d transactions", len(w.sim.disputes), w.sim.held, len(w.sim.order))
	}
}
