package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// requests are one good body for each POST endpoint, and another good one.
func (m *merchant) requests() map[string][2]string {
	n := unique("")
	return map[string][2]string{
		"/api/transactions/initialize": {`{"amount":5,"email":"i` + n + `@example.com"}`, `{"amount":6,"email":"i` + n + `@example.com"}`},
		"/api/customers/create":        {`{"email":"c` + n + `@example.com","first_name":"A"}`, `{"email":"c` + n + `@example.com","first_name":"B"}`},
		"/api/payment-channels/create": {mpesaChannel("600000"), mpesaChannel("600984")},
		"/api/mpesa/stk-push":          {m.pushBody(phone(), "5"), m.pushBody(phone(), "6")},
		"/api/mpesa/register-c2b-urls": {`{"payment_channel_id":` + m.mpesa + `}`, `{"payment_channel_id":` + m.mpesa + `,"confirmation_url":"` + m.base + `/hooks/c2b/confirmation"}`},
		"/api/mpesa/simulate-c2b":      {`{"payment_channel_id":` + m.mpesa + `,"amount":5,"phone_number":"254712345678","reference":"A` + n[:6] + `"}`, `{"payment_channel_id":` + m.mpesa + `,"amount":6,"phone_number":"254712345678","reference":"A` + n[:6] + `"}`},
	}
}

func TestSameKeyAndBodyGiveTheSameAnswer(t *testing.T) {
	t.Parallel()
	in := common(t, "idempotent", quick(nil))
	m := newShop(t, in)
	m.registerC2B(t)
	first := map[string]reply{}
	requests := m.requests()
	for path, bodies := range requests {
		key := "key of " + path
		first[path] = m.post(path, bodies[0], "Idempotency-Key", key)
		if first[path].status >= 300 {
			t.Fatalf("%s: %v", path, first[path])
		}
		for range 2 {
			if again := m.post(path, bodies[0], "Idempotency-Key", key); again.raw != first[path].raw || again.status != first[path].status {
				t.Errorf("%s: the twin is answered %v, the first %v", path, again, first[path])
			}
		}
		spaced := strings.Replace(bodies[0], "{", "{ \n", 1)
		if again := m.post(path, spaced, "Idempotency-Key", key); again.raw != first[path].raw {
			t.Errorf("%s: white space made another request: %v", path, again)
		}
		m.post(path, bodies[1], "Idempotency-Key", key).wantError(t, 409, "")
		m.post(path, bodies[0], "Idempotency-Key", strings.Repeat("k", 256)).wantError(t, 422, "", "Idempotency-Key")
		if r := m.post(path, bodies[1], "Idempotency-Key", strings.Repeat("k", 250)+path[len(path)-5:]); r.status >= 300 {
			t.Errorf("%s: a key of 255 characters: %v", path, r)
		}
	}
	paths := len(requests)
	if paths != len(posts) {
		t.Errorf("%d of %d endpoints were tried", paths, len(posts))
	}
}

func TestKeysOfTwoMerchantsAreIndependent(t *testing.T) {
	t.Parallel()
	in := common(t, "idempotent", quick(nil))
	a, b := newShop(t, in), newShop(t, in)
	body := `{"amount":5,"email":"same@example.com"}`
	one := a.post("/api/transactions/initialize", body, "Idempotency-Key", "k").want(t, 201, nil)
	two := b.post("/api/transactions/initialize", body, "Idempotency-Key", "k").want(t, 201, nil)
	if one.text("reference") == two.text("reference") {
		t.Error("two merchants got one payment")
	}
	b.post("/api/transactions/initialize", `{"amount":6,"email":"same@example.com"}`, "Idempotency-Key", "k").wantError(t, 409, "")
	// Nor does one endpoint's key stand in another's way.
	a.post("/api/customers/create", `{"email":"k@example.com"}`, "Idempotency-Key", "k").want(t, 201, nil)
}

func TestTwinsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	in := common(t, "idempotent", quick(nil))
	m := newShop(t, in)
	m.moveTo(t, "600000")
	m.registerC2B(t)
	for round := range rounds(t, 2) {
		before := len(m.listed(t, ""))
		customers, channels := m.get("/api/customers/list").text("total"), m.get("/api/payment-channels/list").len("channels")
		payer := phone()
		requests := m.requests()
		requests["/api/mpesa/stk-push"] = [2]string{m.pushBody(payer, "5")}
		delete(requests, "/api/mpesa/simulate-c2b") // see the next test
		for path, bodies := range requests {
			answers := make([]reply, 32)
			sideBySide(len(answers), func(i int) {
				answers[i] = m.post(path, bodies[0], "Idempotency-Key", fmt.Sprintf("twins %d", round))
			})
			for _, r := range answers {
				if r.status >= 300 || r.raw != answers[0].raw || r.status != answers[0].status {
					t.Fatalf("%s: one of the twins is answered %v, another %v", path, r, answers[0])
				}
			}
		}
		if n := len(m.listed(t, "")) - before; n != 2 {
			t.Errorf("%d transactions, want one of initialize and one of stk-push", n)
		}
		if n := m.get("/api/payment-channels/list").len("channels") - channels; n != 1 {
			t.Errorf("%d channels came of one request", n)
		}
		if now := m.get("/api/customers/list").text("total"); asJSON(now) == asJSON(customers) {
			t.Error("no customer was created")
		}
		eventually(t, 20*time.Second, "the callback arrives", func() error {
			n := 0
			for _, d := range in.deliveries(t) {
				if d.MSISDN == payer && d.Kind == "stk-callback" {
					n++
				}
			}
			if n != 1 {
				return fmt.Errorf("%d callbacks for one push", n)
			}
			return nil
		})
	}
}

func TestTwinsOfASimulatedPaymentPayOnce(t *testing.T) {
	t.Parallel()
	in := common(t, "idempotent", quick(nil))
	m := newShop(t, in)
	m.moveTo(t, "600984")
	m.registerC2B(t)
	reference := unique("TWIN")
	answers := make([]reply, 8)
	sideBySide(len(answers), func(i int) {
		answers[i] = m.post("/api/mpesa/simulate-c2b", `{"payment_channel_id":`+m.mpesa+`,"amount":9,"phone_number":"254712345678","reference":"`+reference+`"}`, "Idempotency-Key", "sim")
	})
	for _, r := range answers {
		if r.status != 200 || r.raw != answers[0].raw {
			t.Fatalf("one of the twins is answered %v, another %v", r, answers[0])
		}
	}
	throughout(t, time.Second, "one payment", func() error {
		paid := 0
		for _, d := range in.deliveries(t) {
			if d.Kind == "c2b-confirmation" && strings.Contains(d.Body, reference) {
				paid++
			}
		}
		if paid != 1 {
			return fmt.Errorf("%d payments were simulated", paid)
		}
		return nil
	})
}

func TestIdempotencyOutlivesACrash(t *testing.T) {
	t.Parallel()
	sim := launchSandbox(t, "50")
	in := launch(t, quick(settings{"MPESA_SANDBOX_URL": sim.sim + "/daraja", "PAYSTACK_URL": sim.sim + "/paystack"}))
	m := newShop(t, in)
	m.registerC2B(t)
	requests, answers := m.requests(), map[string]reply{}
	for path, bodies := range requests {
		answers[path] = m.post(path, bodies[0], "Idempotency-Key", "crash")
	}
	in.kill()
	in.start(t)
	in.awaitReady(t)
	for path, bodies := range requests {
		if again := m.post(path, bodies[0], "Idempotency-Key", "crash"); again.raw != answers[path].raw || again.status != answers[path].status {
			t.Errorf("%s: after the crash %v, before it %v", path, again, answers[path])
		}
		m.post(path, bodies[1], "Idempotency-Key", "crash").wantError(t, 409, "")
	}
	if rows := m.listed(t, ""); len(rows) != 3 {
		t.Errorf("%d transactions of three requests", len(rows))
	}
}
