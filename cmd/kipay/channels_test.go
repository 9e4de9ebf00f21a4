package main_test

import (
	"fmt"
	"strings"
	"testing"
)

func channelShape(under string, more shape) shape {
	out := shape{}
	for path, pattern := range (shape{"id": "int", "name": "text", "provider": "~^(mpesa|paystack)$", "is_active": "bool", "is_default": "bool", "created_at": "time"}) {
		out[under+path] = pattern
	}
	for path, pattern := range more {
		out[under+path] = pattern
	}
	return out
}

func TestChannelIsCreatedAndListedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	r := m.post("/api/payment-channels/create", `{"name":"My Paystack Channel","provider":"paystack","config":{"public_key":"pk_test_xxxxxxxxxxxxxxxxxxxxxxxx","secret_key":"sk_test_xxxxxxxxxxxxxxxxxxxxxxxx"}}`).
		want(t, 201, shape{"status": `="success"`, "message": `="Payment channel created successfully"`, "channel.urls.webhook": "~^http.*/[0-9a-f]{32}$"}).
		want(t, 201, channelShape("channel.", shape{"name": `="My Paystack Channel"`, "provider": `="paystack"`, "is_active": "=true", "is_default": "=true"}))
	mpesa := m.post("/api/payment-channels/create", mpesaChannel("174379")).want(t, 201, shape{"channel.is_default": "=false"})
	for _, name := range []string{"confirmation", "validation"} {
		if url := mpesa.text("channel.urls." + name); !strings.HasPrefix(url, m.base) || strings.Contains(strings.ToLower(url), "mpesa") {
			t.Errorf("the %s URL %q is not one that Daraja takes in production", name, url)
		}
	}
	list := m.get("/api/payment-channels/list").want(t, 200, shape{"status": `="success"`}).
		want(t, 200, channelShape("channels.0.", shape{"id": "=" + mpesa.text("channel.id")})).
		want(t, 200, channelShape("channels.1.", shape{"id": "=" + r.text("channel.id"), "is_default": "=true"}))
	for _, answer := range []reply{r, mpesa, list} {
		for _, secret := range []string{"xxxxxxxx", sandboxPasskey, "sandbox-consumer", `"config"`, "secret"} {
			if strings.Contains(answer.raw, secret) {
				t.Errorf("%q is in %s", secret, answer.raw)
			}
		}
	}
	m.get("/api/payment-channels/list?active_only=true").want(t, 200, shape{"channels.1.id": "int"})
	m.get("/api/payment-channels/list?active_only=maybe").wantError(t, 422, "", "active_only")
}

func TestChannelConfigNamesEveryMissingKey(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	const path = "/api/payment-channels/create"
	m.post(path, `{}`).wantError(t, 422, "", "name", "provider", "config")
	m.post(path, `{"name":"x","provider":"mpesa","config":{}}`).
		wantError(t, 422, "", "config.environment", "config.consumer_key", "config.consumer_secret", "config.shortcode", "config.passkey")
	m.post(path, `{"name":"x","provider":"paystack","config":{}}`).wantError(t, 422, "", "config.public_key", "config.secret_key")
	m.post(path, `{"name":"x","provider":"visa","config":{}}`).wantError(t, 422, "", "provider")
	m.post(path, `{"name":"x","provider":"mpesa","config":[]}`).wantError(t, 422, "", "config")
	m.post(path, `{"name":"x","provider":"mpesa","currency":"USD","is_default":"yes","config":{"environment":"staging","consumer_key":1,"consumer_secret":"s","shortcode":"12","passkey":true,"till_number":"1"}}`).
		wantError(t, 422, "", "currency", "is_default", "config.environment", "config.consumer_key", "config.shortcode", "config.passkey", "config.till_number")
	m.post(path, `{"name":"x","provider":"paystack","config":{"public_key":"pk_live_a","secret_key":"sk_test_b"}}`).wantError(t, 422, "", "config.public_key")
	m.get("/api/payment-channels/list").want(t, 200, shape{"channels": "=[]"})
}

func liveChannel(shortcode string) string {
	return `{"name":"Live","provider":"mpesa","config":{"environment":"production","consumer_key":"k","consumer_secret":"s","shortcode":"` + shortcode + `","passkey":"p"}}`
}

func TestProductionShortcodeBelongsToOneChannel(t *testing.T) {
	t.Parallel()
	in := usual(t)
	a, b := newMerchant(t, in), newMerchant(t, in)
	shortcode := fmt.Sprint(4000000 + clients.Add(1))
	id := a.post("/api/payment-channels/create", liveChannel(shortcode)).want(t, 201, nil).text("channel.id")
	a.post("/api/payment-channels/create", liveChannel(shortcode)).wantError(t, 409, "")
	b.post("/api/payment-channels/create", liveChannel(shortcode)).wantError(t, 409, "")
	if r := b.get("/api/payment-channels/list").want(t, 200, nil); r.len("channels") != 0 {
		t.Errorf("a refused channel is listed: %v", r)
	}
	// The sandbox's one shortcode is everybody's.
	for _, m := range []*merchant{a, b} {
		m.post("/api/payment-channels/create", mpesaChannel("174379")).want(t, 201, nil)
	}
	// Each key takes money in its own mode only.
	body := `{"amount":5,"email":"a@example.com","payment_channel_id":` + id + `}`
	a.post("/api/transactions/initialize", body).wantError(t, 403, "")
	ref := a.as(a.live).post("/api/transactions/initialize", body).want(t, 201, nil).text("reference")
	a.as(a.live).get("/api/transactions/verify/"+ref).want(t, 200, nil)
	a.get("/api/transactions/verify/"+ref).wantError(t, 404, "")
	a.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+id+`,"amount":5,"phone_number":"254712345678","reference":"X"}`).wantError(t, 403, "")
	a.as(a.live).post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+id+`,"amount":5,"phone_number":"254712345678","reference":"X"}`).wantError(t, 403, "")
}

func TestRacingForAProductionShortcodeHasOneWinner(t *testing.T) {
	t.Parallel()
	in := usual(t)
	shops := []*merchant{newMerchant(t, in), newMerchant(t, in)}
	for range 3 {
		shortcode := fmt.Sprint(4000000 + clients.Add(1))
		answers := make([]reply, 12)
		sideBySide(len(answers), func(i int) {
			answers[i] = shops[i%2].post("/api/payment-channels/create", liveChannel(shortcode))
		})
		won := 0
		for _, r := range answers {
			switch r.status {
			case 201:
				won++
			case 409:
			default:
				t.Errorf("got %v", r)
			}
		}
		if won != 1 {
			t.Errorf("%d channels have shortcode %s", won, shortcode)
		}
	}
}
