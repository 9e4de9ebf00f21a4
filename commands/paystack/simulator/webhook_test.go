package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The vector is the reference document's (Paystack, Webhooks, x-paystack-signature).
func TestSignatureVector(t *testing.T) {
	const body = `{"event":"charge.success","data":{"id":302961,"reference":"qTPrJoy9Bx","amount":10000}}`
	const want = "6325c2176278874c72e22c6958ea2313ca13ac866a5751123aa23dd34ef9b802962fbe62f8031bd4151644b4ec8bddae7add5404fcb93de64e711847a5f98a94"
	if len(body) != 87 {
		t.Fatalf("%d bytes", len(body))
	}
	if got := sign(key, []byte(body)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestWebhookInTheRealShape(t *testing.T) {
	w := newWorld(t, nil)
	w.steps(w.open("pay-1"), w.sim.cards["507850785078507812"], w.enter(w.open("pay-2"), goodCard))
	w.clock.Advance(hookAfter)
	d := w.delivered()
	w.merchant.mu.Lock()
	header, raw := w.merchant.header, w.merchant.body
	w.merchant.mu.Unlock()
	if d.Kind != "charge.success" || d.Status != 200 || string(raw) != d.Body || header.Get("x-paystack-signature") != sign(key, raw) ||
		header.Get("Content-Type") != "application/json" {
		t.Errorf("%+v\n%v", d, header)
	}
	var got struct {
		Event string
		Data  map[string]any
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]any{
		"status": "success", "reference": "pay-2", "amount": 10000.0, "currency": "KES", "domain": "test", "channel": "card",
		"gateway_response": "Successful", "paid_at": "2026-01-01T09:00:00.000Z", "fees": 290.0, "message": nil,
	} {
		if value, present := got.Data[field]; value != want || !present {
			t.Errorf("%s is %v, want %v", field, value, want)
		}
	}
	if got.Event != "charge.success" || marshal(t, got.Data["metadata"]) != `{"order_id":"42"}` || marshal(t, got.Data["plan"]) != "{}" {
		t.Errorf("%s", raw)
	}
	if auth := got.Data["authorization"].(map[string]any); auth["last4"] != "4081" {
		t.Errorf("%v", auth)
	}
	w.nothing()
}

// told is a webhook in a few words.
func told(t *testing.T, d Delivery) string {
	t.Helper()
	signature := "wrong"
	switch d.Signature {
	case "":
		signature = "none"
	case sign(key, []byte(d.Body)):
		signature = "right"
	}
	var got struct {
		Data struct {
			Amount                   json.Number
			Currency, Domain, Status string
		}
	}
	if json.Unmarshal([]byte(d.Body), &got) != nil {
		return "junk, signature " + signature
	}
	return strings.Join([]string{got.Data.Status, got.Data.Amount.String(), got.Data.Currency, got.Data.Domain, "signature", signature}, " ")
}

const rightHook = "success 10000 KES test signature right"

func TestEveryWebhookHabit(t *testing.T) {
	want := map[string][]string{
		"normal":              {rightHook},
		"lost":                nil,
		"tripled":             {rightHook, rightHook, rightHook},
		"before-redirect":     {rightHook},
		"late":                {rightHook},
		"wrong-amount":        {"success 10100 KES test signature right"},
		"wrong-currency":      {"success 10000 USD test signature right"},
		"bad-signature-first": {"success 10000 KES test signature wrong", rightHook},
		"junk-first":          {"junk, signature right", rightHook},
		"live-domain":         {"success 10000 KES live signature right"},
		"unsigned-first":      {"success 10000 KES test signature none", rightHook},
		"forged":              {"success 10000 KES test signature wrong"},
		reordered:             {rightHook}, // there is only one to reorder
	}
	cards := map[string]Card{}
	for _, c := range Cards() {
		if c.Own && !c.Dispute || c.Number == goodCard {
			cards[c.Webhook] = c
		}
	}
	cards[reordered] = Card{Number: goodCard} // no card has it: it is scripted
	for _, habit := range WebhookScenarios() {
		t.Run(habit.Name, func(t *testing.T) {
			expected, listed := want[habit.Name]
			card, has := cards[habit.Name]
			if !listed || !has {
				t.Fatal("no expectation, or no card, for this habit: add it")
			}
			w := newWorld(t, nil)
			if habit.Name == reordered {
				if err := w.sim.Script(Next{Webhook: reordered}); err != nil {
					t.Fatal(err)
				}
			}
			w.enter(w.open("pay-1"), card.Number)
			if habit.Name == "before-redirect" {
				if n := len(w.sim.Deliveries()); n != 1 {
					t.Errorf("%d deliveries before the redirect", n)
				}
			} else if n := len(w.sim.Deliveries()); n != 0 {
				t.Errorf("%d deliveries before the redirect", n)
			}
			if habit.Name == "late" {
				w.clock.Advance(hookLate - time.Millisecond)
				w.settle()
				if n := len(w.sim.Deliveries()); n != 0 {
					t.Error("it came too early")
				}
			}
			w.clock.Advance(10 * time.Minute)
			for i, text := range expected {
				if got := told(t, w.delivered()); got != text {
					t.Errorf("webhook %d is %q, want %q", i+1, got, text)
				}
			}
			w.nothing()
			status := "success"
			if habit.Name == "forged" {
				status = "failed"
			}
			if data := w.verify("pay-1").data(t); data["status"] != status || data["amount"] != json.Number("10000") || data["currency"] != "KES" {
				t.Errorf("verify says %v", data)
			}
		})
	}
}

func TestWrongCurrencyIsWrongForDollarsToo(t *testing.T) {
	w := newWorld(t, nil)
	body := initBody("pay-1")
	body["currency"] = "USD"
	path := strings.TrimPrefix(w.initialize(body).data(t)["authorization_url"].(string), w.paystack.URL)
	w.enter(path, "4084081000000068")
	w.clock.Advance(time.Minute)
	if got := told(t, w.delivered()); got != "success 10000 NGN test signature right" {
		t.Error(got)
	}
}

func TestWebhookIsRetriedUntil200(t *testing.T) {
	w := newWorld(t, nil)
	w.merchant.answers(201) // Paystack wants 200 and nothing else
	w.enter(w.open("pay-1"), goodCard)
	w.clock.Advance(hookAfter)
	for attempt := 1; attempt <= 6; attempt++ {
		d := w.delivered()
		if d.Attempt != attempt {
			t.Fatalf("%+v", d)
		}
		if attempt == 6 {
			break
		}
		if attempt == 5 {
			w.merchant.answers(http.StatusOK)
		}
		w.clock.AwaitTimers(1)
		pause, _ := retryAfter(attempt)
		w.clock.Advance(pause - time.Millisecond)
		w.settle()
		if n := len(w.sim.Deliveries()); n != attempt {
			t.Fatalf("%d deliveries, attempt %d came too early", n, n)
		}
		w.clock.Advance(time.Millisecond)
	}
	w.nothing()
}

func TestRetriesEnd(t *testing.T) {
	n := 0
	for attempt := 1; ; attempt++ {
		if _, again := retryAfter(attempt); !again {
			break
		}
		n++
	}
	if n != quickRetries+slowRetries {
		t.Errorf("%d retries", n)
	}
}

func TestWebhookURLs(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.WebhookURLFor = nil
		o.Accounts = []Account{{SecretKey: key, PublicKey: "pk_test_0123456789"}}
	})
	pay := func(reference string) {
		t.Helper()
		if a := w.enter(w.open(reference), goodCard); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.body)
		}
		w.clock.Advance(time.Minute)
	}
	pay("none")
	w.nothing()
	for path, set := range map[string]struct {
		header map[string]string
		body   string
	}{
		"/bearer": {map[string]string{"Authorization": "Bearer " + key}, `{"url":"URL"}`},
		"/sha":    {nil, `{"url":"URL","secret_key_sha256":"` + strings.ToUpper(fingerprint(key)) + `"}`},
		"/secret": {nil, `{"url":"URL","secret_key":"` + key + `"}`},
		"/public": {nil, `{"url":"URL","public_key":"pk_test_0123456789"}`},
	} {
		a := w.do("POST", "/__sim/webhooks", set.header, strings.Replace(set.body, "URL", w.merchant.URL+path, 1))
		if a.status != 200 || strings.Contains(a.body, key) {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		pay("by" + path[1:])
		if d := w.delivered(); d.URL != w.merchant.URL+path {
			t.Errorf("%s: went to %s", path, d.URL)
		}
	}
	w.do("POST", "/__sim/reset", nil, "")
	if a := w.do("GET", "/__sim/webhooks", nil, ""); !strings.Contains(a.body, fingerprint(key)) || strings.Contains(a.body, key) {
		t.Errorf("after reset: %s", a.body)
	}
	if err := w.sim.SetWebhookURL(key, ""); err != nil {
		t.Fatal(err)
	}
	pay("off")
	w.nothing()
	for _, body := range []string{
		`{"url":"https://a.example/h"}`, `{"url":"ftp://a.example/h","secret_key":"x"}`,
		`{"url":"","secret_key_sha256":"abc"}`, `{"url":"","public_key":"pk_test_unknown"}`,
	} {
		if a := w.do("POST", "/__sim/webhooks", nil, body); a.status != 422 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

func TestAWebhookThatCannotBeDeliveredIsInTheLog(t *testing.T) {
	w := newWorld(t, nil)
	w.merchant.Close()
	w.enter(w.open("pay-1"), goodCard)
	w.clock.Advance(hookAfter)
	if d := w.delivered(); d.Status != 0 || d.Error == "" {
		t.Errorf("%+v", d)
	}
}
