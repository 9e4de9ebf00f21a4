package simulator

import (
	"fmt"
	"testing"
	"time"
)

func (w *world) pullBody(from, to time.Time, offset int) map[string]any {
	return map[string]any{
		"ShortCode": SandboxShortCode, "StartDate": from.In(eat).Format("2006-01-02 15:04:05"), "EndDate": to.In(eat).Format("2006-01-02 15:04:05"),
		"OffSetValue": fmt.Sprint(offset),
	}
}

// pulled are the rows of an answer.
func pulled(t *testing.T, a answer) []map[string]any {
	t.Helper()
	lists, _ := a.json(t)["Response"].([]any)
	if len(lists) != 1 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	rows := []map[string]any{}
	list, _ := lists[0].([]any)
	for _, each := range list {
		row, _ := each.(map[string]any)
		rows = append(rows, row)
	}
	return rows
}

func (w *world) registersPull() {
	w.t.Helper()
	for _, want := range []string{"1000", "1001"} {
		a := w.post(registerPullPath, map[string]any{"ShortCode": SandboxShortCode, "RequestType": "Pull", "NominatedNumber": ordinary, "CallBackURL": w.merchant.URL + "/p"})
		if got := a.json(w.t); a.status != 200 || got["ResponseStatus"] != want || got["ShortCode"] != SandboxShortCode {
			w.t.Fatalf("%d %s", a.status, a.body)
		}
	}
}

func TestPullGivesOutPaymentsAndTheirReversals(t *testing.T) {
	w, r := busyDay(t)
	now := w.clock.Now()
	if a := w.post(pullPath, w.pullBody(noon(), now, 0)); a.status != 400 || a.json(t)["errorCode"] != "400.001" {
		t.Errorf("not registered: %d %s", a.status, a.body)
	}
	w.registersPull()
	for _, verb := range []string{"GET", "POST"} {
		a := w.do(verb, pullPath, w.headers(), marshal(t, w.pullBody(noon(), now, 0)))
		rows := pulled(t, a)
		if got := a.json(t); a.status != 200 || got["ResponseCode"] != "1000" || got["ResponseMessage"] != "Success" || len(rows) != 3 {
			t.Fatalf("%s: %d %s", verb, a.status, a.body)
		}
		want := `{"transactionId":"` + r["push"] + `","trxDate":"2026-01-01T09:00:02Z","msisdn":722000001,"sender":"John Doe","transactiontype":"c2b-pay-bill-debit",` +
			`"billreference":"INV0001","amount":"1500.00","organizationname":"Simulated Shop 174379"}`
		if !contains(a.body, want) || rows[2]["transactionId"] != r["reversal"] || rows[2]["transactiontype"] != "c2b-reversal" || rows[2]["billreference"] != r["push"] {
			t.Errorf("%s", a.body)
		}
	}
	if rows := pulled(t, w.post(pullPath, w.pullBody(noon(), now, 2))); len(rows) != 1 || rows[0]["transactionId"] != r["reversal"] {
		t.Errorf("%v", rows)
	}
	for _, c := range []map[string]any{w.pullBody(noon(), now, 3), w.pullBody(noon().Add(-time.Hour), noon(), 0)} {
		a := w.post(pullPath, c)
		if len(pulled(t, a)) != 0 || a.json(t)["ResponseCode"] != "1001" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	w.clock.Advance(pullWindow)
	w.token = w.login()
	if rows := pulled(t, w.post(pullPath, w.pullBody(noon(), now, 0))); len(rows) != 0 {
		t.Errorf("after 48 hours: %v", rows)
	}
}

func TestAReversalThatWasStartedElsewhereIsSeenEverywhere(t *testing.T) {
	w := newWorld(t, nil)
	w.registersPull()
	receipt := w.paid(ordinary)
	reversal, err := w.sim.ReverseOnPortal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if said, _ := w.status(receipt, ""); said != "Reversed" {
		t.Errorf("status says %s", said)
	}
	rows := readCSV(t, w.export("").body)
	if len(rows) != 9 || rows[8][0] != reversal || rows[8][11] != receipt || rows[8][6] != "5.00" {
		t.Errorf("%v", rows)
	}
	if got := pulled(t, w.post(pullPath, w.pullBody(noon(), w.clock.Now(), 0))); len(got) != 2 || got[1]["transactionId"] != reversal {
		t.Errorf("%v", got)
	}
	if r := w.orders(reversalPath, w.reversalBody(receipt, "5")); r.code != `"R000001"` {
		t.Errorf("%+v", r)
	}
}

func TestPullsPageByPage(t *testing.T) {
	w := newWorld(t, nil)
	w.registersPull()
	for range pullPage + 20 {
		w.post(simulateV2, c2bBody(SandboxShortCode, ordinary))
	}
	seen := map[any]bool{}
	for offset := 0; ; {
		rows := pulled(t, w.post(pullPath, w.pullBody(noon(), w.clock.Now(), offset)))
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			seen[row["transactionId"]] = true
		}
		offset += len(rows)
	}
	if len(seen) != pullPage+20 {
		t.Errorf("%d payments", len(seen))
	}
}

func TestWrongPullsNameTheField(t *testing.T) {
	w := newWorld(t, nil)
	w.registersPull()
	for field, value := range map[string]any{"StartDate": "01-01-2026", "EndDate": "2025-01-01 09:00:00", "OffSetValue": "-1", "ShortCode": "999999"} {
		body := w.pullBody(noon(), noon(), 0)
		body[field] = value
		a := w.post(pullPath, body)
		if got := a.json(t); a.status != 400 || field == "ShortCode" && got["errorCode"] != "400.001" || field != "ShortCode" && got["errorMessage"] != "Bad Request - Invalid "+field {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
	for field, value := range map[string]any{"RequestType": "Push", "NominatedNumber": "0722", "CallBackURL": "x", "ShortCode": "999999"} {
		body := map[string]any{"ShortCode": SandboxShortCode, "RequestType": "Pull", "NominatedNumber": ordinary, "CallBackURL": w.merchant.URL + "/p"}
		body[field] = value
		a := w.post(registerPullPath, body)
		if got := a.json(t); a.status != 400 || field != "ShortCode" && got["errorMessage"] != "Bad Request - Invalid "+field {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
}
