package main_test

import (
	"fmt"
	"strings"
	"testing"
)

// transactionShape is a transaction as every answer shows it.
func transactionShape(under string, more shape) shape {
	s := shape{
		"id": "int", "reference": "~^(KIPAY|MPESA)[0-9A-Z]{16,}$", "amount": "number", "status": "~^(pending|completed|failed)$",
		"created_at": "time", "currency": "~^[A-Z]{3}$", "description": "text|null", "merchant_reference": "text|null",
		"customer": "object|null", "payment_method": "text|null", "paid_at": "time|null", "receipt": "text|null",
		"failure_code": "text|null", "failure_reason": "text|null",
	}
	for path, pattern := range more {
		s[path] = pattern
	}
	out := shape{}
	for path, pattern := range s {
		out[under+path] = pattern
	}
	return out
}

func TestInitializeAnswersAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	r := m.post("/api/transactions/initialize", `{"amount": 10000, "email": "john@example.com", "payment_channel_id": `+m.mpesa+`,
		"description": "Payment for Order #12345", "currency": "KSH", "first_name": "John", "last_name": "Doe", "phone": "+2547012345678"}`)
	r.want(t, 201, shape{
		"status": `="success"`, "message": `="Success"`, "reference": "~^KIPAY[0-9A-Z]{16,}$", "access_code": "~.+",
		"authorization_url": "~^" + m.base + "/payment/checkout/KIPAY[0-9A-Z]+$",
	}).want(t, 201, transactionShape("transaction.", shape{
		"amount": "=10000", "status": `="pending"`, "currency": `="KES"`, "description": `="Payment for Order #12345"`,
		"payment_method": "=null", "paid_at": "=null", "receipt": "=null", "customer.id": "int", "customer.email": `="john@example.com"`,
		"customer.first_name": `="John"`, "customer.last_name": `="Doe"`, "customer.phone": `="+2547012345678"`,
	}))
	if r.text("reference") != r.text("transaction.reference") || !strings.HasSuffix(r.text("authorization_url"), r.text("reference")) {
		t.Errorf("the references differ in %v", r)
	}
	if page := send(t.Context(), "GET", r.text("authorization_url"), ""); page.status != 200 || !strings.Contains(page.raw, "10,000") {
		t.Errorf("the checkout page answers %v", page)
	}
	v := m.get("/api/transactions/verify/"+r.text("reference")).want(t, 200, shape{"status": `="pending"`}).
		want(t, 200, transactionShape("transaction.", shape{"amount": "=10000", "status": `="pending"`, "id": "=" + r.text("transaction.id")}))
	if n := strings.Count(v.raw, `"status"`); n != 2 {
		t.Errorf("verify has %d keys named status, want one at the top and one inside: %s", n, v.raw)
	}
}

func TestInitializeNamesEveryBadFieldAtOnce(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	m.post("/api/transactions/initialize", `{}`).wantError(t, 422, "", "amount", "email")
	m.post("/api/transactions/initialize", `{"amount":-5,"email":"no","currency":"QQQ","phone":"12","first_name":7,"last_name":"`+
		strings.Repeat("x", 101)+`","description":["a"],"payment_channel_id":"seven"}`).
		wantError(t, 422, "", "amount", "email", "currency", "phone", "first_name", "last_name", "description", "payment_channel_id")
	m.post("/api/transactions/initialize", `{"amount":5,"email":"a@example.com","payment_channel_id":999999}`).wantError(t, 422, "", "payment_channel_id")
	newMerchant(t, m.instance).post("/api/transactions/initialize", `{"amount":5,"email":"a@example.com"}`).wantError(t, 422, "", "payment_channel_id")
}

func TestAmountsAreExact(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	const bad = ""
	for _, c := range []struct{ channel, currency, given, answered string }{
		{m.mpesa, "KES", "10000", "10000"},
		{m.mpesa, "KES", `"10000"`, "10000"},
		{m.mpesa, "KSH", "1", "1"},
		{m.mpesa, "KES", "250000", "250000"},
		{m.mpesa, "KES", "5.00", "5"},
		{m.mpesa, "KES", "250001", bad},
		{m.mpesa, "KES", "0.5", bad},
		{m.mpesa, "KES", "99.5", bad},
		{m.card, "KES", "99.5", "99.5"},
		{m.card, "KES", "99.50", "99.5"},
		{m.card, "KES", `"99.5"`, "99.5"},
		{m.card, "KES", "0.01", "0.01"},
		{m.card, "KES", "0.1", "0.1"},
		{m.card, "USD", "19.99", "19.99"},
		{m.card, "NGN", "92233720368.54", "92233720368.54"},
		{m.card, "NGN", "92233720368.55", bad},
		{m.card, "KES", "1e3", bad},
		{m.card, "KES", `"1e3"`, bad},
		{m.card, "KES", "0", bad},
		{m.card, "KES", "-1", bad},
		{m.card, "KES", "0.00", bad},
		{m.card, "KES", "1.005", bad},
		{m.card, "KES", `"1,000"`, bad},
		{m.card, "KES", `"0x10"`, bad},
		{m.card, "KES", `""`, bad},
		{m.card, "KES", "true", bad},
		{m.card, "KES", "[1]", bad},
		{m.card, "KES", "null", bad},
		{m.card, "KES", `"NaN"`, bad},
		{m.card, "KES", `"+5"`, bad},
		{m.card, "KES", "99999999999999999999999", bad},
		{m.card, "KES", "92233720368547758.08", bad},
		{m.card, "KES", `"١٢"`, bad},
		{m.card, "KES", `" 5 "`, "5"},
	} {
		r := m.post("/api/transactions/initialize", fmt.Sprintf(`{"amount":%s,"currency":"%s","email":"a@example.com","payment_channel_id":%s}`, c.given, c.currency, c.channel))
		if c.answered == bad {
			if r.status != 422 || r.at("errors.amount") == (missing{}) {
				t.Errorf("%s %s: got %v, want 422 on amount", c.currency, c.given, r)
			}
			continue
		}
		if r.status != 201 || asJSON(r.at("transaction.amount")) != c.answered {
			t.Errorf("%s %s: got %v, want %s", c.currency, c.given, r, c.answered)
			continue
		}
		if v := m.get("/api/transactions/verify/" + r.text("reference")); asJSON(v.at("transaction.amount")) != c.answered {
			t.Errorf("%s %s: verify answers %v", c.currency, c.given, v)
		}
	}
	rows := m.listed(t, "")
	for _, row := range rows {
		if text := asJSON(row["amount"]); strings.ContainsAny(text, "eE\"") {
			t.Errorf("the list answers the amount %s", text)
		}
	}
}

func TestContactPhonesAreTakenInAnyPlausibleForm(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	for given, ok := range map[string]bool{
		"+2547012345678": true, "+254 712 345 678": true, "0712-345-678": true, "12345678": true, "+1 202 555 0123": true,
		"1234567": false, "+1234567890123456": false, "phone": false, "+25471234567a": false,
	} {
		r := m.post("/api/transactions/initialize", `{"amount":5,"email":"p@example.com","phone":"`+given+`"}`)
		if ok != (r.status == 201) || !ok && r.at("errors.phone") == (missing{}) {
			t.Errorf("%q: got %v, taken should be %v", given, r, ok)
		}
	}
}

func TestDefaultChannelIsTheFirstUntilAnotherIsMadeIt(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	create := func(body, isDefault string) string {
		return m.post("/api/payment-channels/create", body).want(t, 201, shape{"channel.is_default": "=" + isDefault}).text("channel.id")
	}
	defaults := func() (ids string) {
		r := m.get("/api/payment-channels/list").want(t, 200, nil)
		for i := range r.len("channels") {
			if r.text(fmt.Sprintf("channels.%d.is_default", i)) == "true" {
				ids += r.text(fmt.Sprintf("channels.%d.id", i)) + " "
			}
		}
		return strings.TrimSpace(ids)
	}
	first := create(mpesaChannel("174379"), "true")
	create(cardChannel(m.id), "false")
	if got := defaults(); got != first {
		t.Errorf("the default is %q, want %s", got, first)
	}
	third := create(strings.Replace(cardChannel(m.id), `"name"`, `"is_default":true,"name"`, 1), "true")
	if got := defaults(); got != third {
		t.Errorf("the default is %q, want %s", got, third)
	}
	// The default takes what M-Pesa would not.
	m.post("/api/transactions/initialize", `{"amount":99.5,"email":"a@example.com"}`).want(t, 201, nil)
}

func TestReferencesCannotBeGuessedFromOneAnother(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	seen := map[string]bool{}
	last := ""
	for range 40 {
		r := m.initialize(t, `{"amount":5,"email":"a@example.com"}`)
		if seen[r] {
			t.Fatalf("%s came twice", r)
		}
		same := 0
		for i := range min(len(last), len(r)) {
			if last[i] == r[i] {
				same++
			}
		}
		if last != "" && same > len(r)*2/3 {
			t.Errorf("%s follows on %s", r, last)
		}
		seen[r], last = true, r
	}
}

func TestMerchantReferenceMayRepeat(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	a := m.initialize(t, `{"amount":5,"email":"a@example.com","reference":"ORDER123"}`)
	b := m.initialize(t, `{"amount":5,"email":"a@example.com","reference":"ORDER123"}`)
	if a == b {
		t.Fatal("two orders became one")
	}
	m.get("/api/transactions/verify/"+a).want(t, 200, shape{"transaction.merchant_reference": `="ORDER123"`})
}

func TestIDsGrowWithCreation(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	last := 0
	for range 25 {
		var id int
		r := m.post("/api/transactions/initialize", `{"amount":5,"email":"a@example.com"}`).want(t, 201, nil)
		if _, err := fmt.Sscan(r.text("transaction.id"), &id); err != nil || id <= last {
			t.Fatalf("id %s after %d", r.text("transaction.id"), last)
		}
		last = id
	}
}
