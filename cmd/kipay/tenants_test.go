package main_test

import (
	"strings"
	"testing"
	"time"
)

func TestNothingOfOneMerchantIsVisibleToAnother(t *testing.T) {
	t.Parallel()
	in := usual(t)
	a, b := newShop(t, in), newShop(t, in)
	checkout := a.initialize(t, `{"amount":77,"email":"secret@example.com","first_name":"Amina"}`)
	pushed := a.push(t, phone(), "78")
	a.settles(t, pushed, "completed", 20*time.Second)

	for _, ref := range []string{checkout, pushed} {
		b.get("/api/transactions/verify/"+ref).wantError(t, 404, "")
		b.get("/api/mpesa/stk-status/"+ref).wantError(t, 404, "")
	}
	// Unknown and another's are told in the same words.
	unknown := b.get("/api/transactions/verify/KIPAY0123456789ABCDEF").wantError(t, 404, "")
	if got := b.get("/api/transactions/verify/" + checkout); got.text("message") != unknown.text("message") {
		t.Errorf("another's is %q, unknown %q", got.text("message"), unknown.text("message"))
	}
	b.get("/api/transactions/list").want(t, 200, shape{"total": "=0"})
	b.get("/api/customers/list").want(t, 200, shape{"total": "=0"})
	b.get("/api/customers/list?search=secret").want(t, 200, shape{"total": "=0"})
	if r := b.get("/api/payment-channels/list").want(t, 200, nil); r.len("channels") != 2 || strings.Contains(r.raw, `"id":`+a.mpesa+`,`) {
		t.Errorf("b sees %v", r)
	}
	for path, body := range map[string]string{
		"/api/transactions/initialize": `{"amount":5,"email":"a@example.com","payment_channel_id":` + a.mpesa + `}`,
		"/api/mpesa/stk-push":          `{"amount":5,"phone_number":"254712345678","payment_channel_id":` + a.mpesa + `}`,
		"/api/mpesa/register-c2b-urls": `{"payment_channel_id":` + a.mpesa + `}`,
		"/api/mpesa/simulate-c2b":      `{"payment_channel_id":` + a.mpesa + `,"amount":5,"phone_number":"254712345678","reference":"X"}`,
	} {
		mine := b.post(path, body).wantError(t, 422, "", "payment_channel_id")
		none := b.post(path, strings.Replace(body, `"payment_channel_id":`+a.mpesa, `"payment_channel_id":987654`, 1)).wantError(t, 422, "", "payment_channel_id")
		if x, y := mine.text("errors.payment_channel_id"), none.text("errors.payment_channel_id"); x != y {
			t.Errorf("%s tells another's channel (%q) from none (%q)", path, x, y)
		}
	}
	// The same email is another customer.
	id := b.post("/api/customers/create", `{"email":"secret@example.com"}`).want(t, 201, shape{"customer.first_name": "=null"}).text("customer.id")
	a.get("/api/customers/list").want(t, 200, shape{"total": "=1", "data.0.first_name": `="Amina"`})
	if id == a.get("/api/customers/list").text("data.0.id") {
		t.Error("two merchants share a customer")
	}
}

func TestLiveAndTestKeysSeeTheirOwnMode(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	ref := m.initialize(t, `{"amount":5,"email":"a@example.com"}`)
	live := m.as(m.live)
	live.get("/api/transactions/verify/"+ref).wantError(t, 404, "")
	live.get("/api/transactions/list").want(t, 200, shape{"total": "=0"})
	live.post("/api/transactions/initialize", `{"amount":5,"email":"a@example.com"}`).wantError(t, 403, "")
	live.post("/api/mpesa/stk-push", m.pushBody(phone(), "5")).wantError(t, 403, "")
}
