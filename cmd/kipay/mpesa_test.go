package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPushAnswersAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	number := phone()
	r := m.post("/api/mpesa/stk-push", fmt.Sprintf(`{"amount":1000,"phone_number":"%s","payment_channel_id":%s,"reference":"ORDER123","description":"Payment for Services"}`, number, m.mpesa)).
		want(t, 200, shape{"status": `="success"`, "message": `="STK Push initiated"`}).
		want(t, 200, transactionShape("transaction.", shape{
			"reference": "~^MPESA[0-9A-Z]{16,}$", "amount": "=1000", "phone_number": asPattern(number), "status": `="pending"`,
			"checkout_request_id": "~^ws_CO_", "merchant_reference": `="ORDER123"`,
		}))
	ref := r.text("transaction.reference")
	paid := transactionShape("transaction.", shape{
		"status": `="completed"`, "payment_method": `="mpesa_stk"`, "phone_number": asPattern(number), "amount": "=1000", "receipt": "~^[A-Z0-9]{10}$", "paid_at": "time",
		"id": "=" + r.text("transaction.id"), "created_at": asPattern(r.text("transaction.created_at")), "failure_code": "=null",
	})
	m.settles(t, ref, "completed", 20*time.Second).want(t, 200, paid)
	m.get("/api/mpesa/stk-status/"+ref).want(t, 200, shape{"status": `="success"`}).want(t, 200, paid)
	if got := m.events(t, "transaction-"+ref); strings.Join(got[:2], " ") != "TransactionInitialized StkPushRequested" {
		t.Errorf("the events are %q", got)
	}
}

func TestPushNamesEveryBadFieldAtOnce(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	const path = "/api/mpesa/stk-push"
	m.post(path, `{}`).wantError(t, 422, "", "amount", "phone_number")
	m.post(path, `{"amount":0.5,"phone_number":"0712345678","payment_channel_id":`+m.card+`,"reference":5,"description":{}}`).
		wantError(t, 422, "", "amount", "phone_number", "payment_channel_id", "reference", "description")
	for _, number := range []string{"0712345678", "0112345678", "+254712345678", "254812345678", "25471234567", "2547123456789", "254 712345678", "", "٢٥٤٧١٢٣٤٥٦٧٨"} {
		m.post(path, `{"amount":5,"phone_number":"`+number+`"}`).wantError(t, 422, "", "phone_number")
	}
	for _, amount := range []string{"0", "-1", "1.5", "250001", "1e3", "null"} {
		m.post(path, `{"phone_number":"254712345678","amount":`+amount+`}`).wantError(t, 422, "", "amount")
	}
	if rows := m.listed(t, ""); len(rows) != 0 {
		t.Errorf("refused pushes are listed: %v", rows)
	}
}

func TestPhoneAsANumberAndAThousandAsAText(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	number := phone()
	m.post("/api/mpesa/stk-push", `{"amount":"1000","phone_number":`+number+`}`).want(t, 200, shape{"transaction.amount": "=1000", "transaction.phone_number": asPattern(number)})
}

func TestStkStatusIsForPushesOnly(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	ref := m.initialize(t, `{"amount":5,"email":"a@example.com"}`)
	for _, r := range []string{ref, "MPESA0123456789ABCDEF", "nonsense", "%2e%2e", "MPESA0123456789ABCDEF%00"} {
		m.get("/api/mpesa/stk-status/"+r).wantError(t, 404, "")
	}
}

// The three pushes that Daraja refuses, as a merchant sees it.
func TestRefusedPushIs502WithoutSecrets(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	wrong := m.post("/api/payment-channels/create", strings.Replace(mpesaChannel("174379"), sandboxPasskey, "not-the-passkey-77", 1)).want(t, 201, nil).text("channel.id")
	r := m.post("/api/mpesa/stk-push", `{"amount":5,"phone_number":"`+phone()+`","payment_channel_id":`+wrong+`}`).wantError(t, 502, "(?i)passkey")
	if strings.Contains(r.raw, "not-the-passkey-77") {
		t.Errorf("the passkey is in %v", r)
	}
	secret := m.post("/api/payment-channels/create", strings.Replace(mpesaChannel("174379"), "sandbox-consumer-secret", "wrong-secret-88", 1)).want(t, 201, nil).text("channel.id")
	if r = m.post("/api/mpesa/stk-push", `{"amount":5,"phone_number":"`+phone()+`","payment_channel_id":`+secret+`}`).wantError(t, 502, "(?i)consumer"); strings.Contains(r.raw, "wrong-secret-88") {
		t.Errorf("the secret is in %v", r)
	}
	rows := m.listed(t, "status=failed")
	if len(rows) != 2 {
		t.Fatalf("the failed pushes are not listed: %v", rows)
	}
	for _, row := range rows {
		if row["failure_code"] == nil || row["failure_reason"] == nil {
			t.Errorf("a failed push does not say why: %v", row)
		}
	}
}

func TestC2BIsRegisteredAndSimulatedAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, common(t, "c2b", quick(nil)))
	id := m.post("/api/payment-channels/create", mpesaChannel("600984")).want(t, 201, nil).text("channel.id")
	simulate := `{"payment_channel_id":` + id + `,"amount":1000,"phone_number":"254712345678","reference":"TEST_TRANSACTION"}`
	m.post("/api/mpesa/simulate-c2b", simulate).wantError(t, 409, "")
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+id+`,"confirmation_url":"`+m.base+`/mpesa/confirmation","validation_url":"`+m.base+`/mpesa/validation"}`).
		want(t, 200, shape{
			"status": `="success"`, "message": `="C2B URLs registered successfully"`,
			"urls.confirmation": asPattern(m.base + "/mpesa/confirmation"), "urls.validation": asPattern(m.base + "/mpesa/validation"),
		})
	r := m.post("/api/mpesa/simulate-c2b", simulate).want(t, 200, shape{
		"status": `="success"`, "message": `="C2B transaction simulated"`, "transaction.amount": "=1000", "transaction.phone_number": `="254712345678"`,
		"transaction.reference": `="TEST_TRANSACTION"`, "transaction.status": `="completed"`,
	})
	rows := m.listed(t, "")
	if len(rows) != 1 {
		t.Fatalf("%d transactions are listed: %v", len(rows), rows)
	}
	reply{raw: asJSON(rows[0]), status: 200}.want(t, 200, transactionShape("", shape{
		"reference": asPattern(r.text("transaction.transaction_reference")), "receipt": asPattern(r.text("transaction.receipt")), "status": `="completed"`,
		"payment_method": `="mpesa_c2b"`, "amount": "=1000", "merchant_reference": `="TEST_TRANSACTION"`, "paid_at": "time",
	}))
}

func TestC2BRequestsAreValidated(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	m.post("/api/mpesa/register-c2b-urls", `{}`).wantError(t, 422, "", "payment_channel_id")
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+m.card+`}`).wantError(t, 422, "", "payment_channel_id")
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+m.mpesa+`,"confirmation_url":"ftp://x","validation_url":"nothing"}`).
		wantError(t, 422, "", "confirmation_url", "validation_url")
	m.post("/api/mpesa/simulate-c2b", `{}`).wantError(t, 422, "", "payment_channel_id", "amount", "phone_number")
	m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":1.5,"phone_number":"0712345678","reference":"`+strings.Repeat("x", 21)+`"}`).
		wantError(t, 422, "", "amount", "phone_number", "reference")
}

func TestC2BDefaultURLsAreThisInstalls(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, common(t, "c2b", quick(nil)))
	m.mpesa = m.post("/api/payment-channels/create", mpesaChannel("600000")).want(t, 201, nil).text("channel.id")
	m.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":`+m.mpesa+`}`).want(t, 200, shape{
		"urls.confirmation": asPattern(m.base + "/mpesa/confirmation"), "urls.validation": asPattern(m.base + "/mpesa/validation"),
	})
	m.get("/api/payment-channels/list").want(t, 200, shape{"channels.0.c2b_registered": "=true"})
}

func TestC2BWithValidationAsksTheChannel(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, common(t, "c2b", quick(nil)))
	strict := strings.Replace(mpesaChannel("600996"), `"passkey"`, `"strict":true,"passkey"`, 1)
	m.mpesa = m.post("/api/payment-channels/create", strict).want(t, 201, nil).text("channel.id")
	m.registerC2B(t)
	r := m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":50,"phone_number":"`+phone()+`","reference":"NOBODY"}`)
	r.want(t, 200, shape{"transaction.status": `="pending"`})
	if rows := m.listed(t, ""); len(rows) != 0 {
		t.Errorf("a strict channel took a payment to an unknown account: %v", rows)
	}
}
