package commands_test

import (
	"strings"
	"testing"

	"github.com/benfex/kipay/domain"
)

func TestRegistrationNamesEveryBadFieldAtOnce(t *testing.T) {
	w := newWorld(t, "sandbox")
	for _, body := range []string{
		`{"payment_channel_id":77,"confirmation_url":"ftp://x","validation_url":"nothing"}`,
		`{"confirmation_url":"ftp://x","validation_url":"nothing"}`,
	} {
		status, answer := w.post("/api/mpesa/register-c2b-urls", body)
		for _, field := range []string{"payment_channel_id", "confirmation_url", "validation_url"} {
			if status != 400+int(domain.CodeInvalid) || !strings.Contains(answer, field+": ") {
				t.Errorf("%s: %d %s", body, status, answer)
			}
		}
	}
}

// Production shortcodes are registered once. Daraja's no to another validation URL is no.
func TestOtherURLsThanThoseRegisteredAreRefused(t *testing.T) {
	w := newWorld(t, "production")
	w.route()
	w.daraja.be(func(d *daraja) { d.registered = true })
	if status, answer := w.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":1}`); status != 200 {
		t.Errorf("the same again: %d %s", status, answer)
	}
	for _, field := range []string{"confirmation_url", "validation_url"} {
		status, answer := w.post("/api/mpesa/register-c2b-urls", `{"payment_channel_id":1,"`+field+`":"https://shop.example.com/x"}`)
		if status != 400+int(domain.CodeProviderRefused) {
			t.Errorf("another %s: %d %s", field, status, answer)
		}
	}
}

// Test keys are in the hands of whoever tries things out. Neither where real payments are reported nor where they go is
// theirs to change.
func TestTestKeyDoesNotTurnAwayRealMoney(t *testing.T) {
	w := newWorld(t, "production")
	w.mode = domain.ModeTest
	for path, body := range map[string]string{
		"/api/mpesa/register-c2b-urls": `{"payment_channel_id":1,"confirmation_url":"https://elsewhere.example.com/c","validation_url":"https://elsewhere.example.com/v"}`,
		"/api/payment-channels/create": `{"name":"c","provider":"paystack","is_default":true,"config":{"public_key":"pk_live_x","secret_key":"sk_live_x"}}`,
	} {
		if status, answer := w.post(path, body); status != 400+int(domain.CodeForbidden) {
			t.Errorf("%s with a test key: %d %s", path, status, answer)
		}
	}
	w.mode = domain.ModeLive
	w.route()
	if status, answer := w.post("/api/payment-channels/create", `{"name":"c","provider":"paystack","is_default":true,"config":{"public_key":"pk_live_x","secret_key":"sk_live_x"}}`); status != 201 {
		t.Errorf("with a live key: %d %s", status, answer)
	}
}
