package main_test

import (
	"net/url"
	"testing"
	"time"
)

// What was known a moment ago is answered as it was then, over HTTP, on both clocks: by a position, and by a time.
func TestListsAreAnsweredAsOfAnEarlierMoment(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	m.post("/api/customers/create", `{"email":"jane@example.com","first_name":"Jane"}`).want(t, 201, nil)
	ref := m.push(t, phone(), "300")
	// The position of what is known now stands in every answer as of a moment.
	before := m.get("/api/transactions/list?as_of="+url.QueryEscape(time.Now().Add(time.Minute).Format(time.RFC3339))).want(t, 200, shape{"total": "=1", "position": "int"})
	at := before.text("position")
	then := before.text("data.0.status")
	m.settles(t, ref, "completed", 15*time.Second)
	m.refund(t, `{"reference":"`+ref+`","amount":100}`)
	m.refundEnds(t, ref, "completed")
	m.post("/api/customers/create", `{"email":"jane@example.com","first_name":"Joan"}`).want(t, 200, nil)
	m.post("/api/payment-channels/create", mpesaChannel("174380")).want(t, 201, nil)

	m.get("/api/transactions/list").want(t, 200, shape{"data.0.status": `="completed"`, "data.0.refunded_amount": "=100"})
	m.get("/api/transactions/list?as_of="+at).want(t, 200, shape{
		"total": "=1", "data.0.reference": asPattern(ref), "data.0.status": asPattern(then), "data.0.refunded_amount": "=0", "position": "=" + at,
	})
	m.get("/api/refunds/list?as_of="+at).want(t, 200, shape{"total": "=0", "data": "=[]"})
	m.get("/api/customers/list?search=jane&as_of="+at).want(t, 200, shape{"total": "=1", "data.0.first_name": `="Jane"`})
	if now, old := m.get("/api/payment-channels/list").len("channels"), m.get("/api/payment-channels/list?as_of="+at).len("channels"); old != now-1 {
		t.Errorf("%d channels then, %d now", old, now)
	}

	// Before the payment was opened nothing had happened; by now all has, whichever clock is asked.
	m.get("/api/transactions/list?effective_at=2001-01-01T00:00:00Z").want(t, 200, shape{"total": "=0"})
	soon := url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))
	m.get("/api/transactions/list?effective_at="+soon).want(t, 200, shape{"total": "=1", "data.0.refunded_amount": "=100"})
	m.get("/api/transactions/list?effective_at="+soon+"&as_of="+at).want(t, 200, shape{"data.0.status": asPattern(then), "data.0.refunded_amount": "=0"})

	// What changed in between, each row as it was and as it is.
	m.get("/api/transactions/diff?since="+at).want(t, 200, shape{
		"total": "=1", "data.0.change": `="changed"`, "data.0.before.status": asPattern(then), "data.0.after.status": `="completed"`,
		"data.0.before.refunded_amount": "=0", "data.0.after.refunded_amount": "=100", "since": "=" + at, "until": "int",
	})
	m.get("/api/transactions/diff?since="+at+"&date_to=2001-01-01").want(t, 200, shape{"total": "=0"})
	m.get("/api/refunds/diff?since="+at).want(t, 200, shape{"total": "=1", "data.0.change": `="added"`, "data.0.before": "=null", "data.0.after.amount": "=100"})
	m.get("/api/customers/diff?search=jane&since="+at).want(t, 200, shape{
		"total": "=1", "data.0.changed": `=["first_name"]`, "data.0.before.first_name": `="Jane"`, "data.0.after.first_name": `="Joan"`,
	})
	m.get("/api/disputes/diff?since="+at).want(t, 200, shape{"total": "=0", "data": "=[]"})
	m.get("/api/transactions/diff").wantError(t, 422, "", "since")
	m.get("/api/transactions/list?as_of=yesterday&effective_at=x").wantError(t, 422, "", "as_of", "effective_at")
}
