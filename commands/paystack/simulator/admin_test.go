package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/delivery/deliverytest"
)

func TestAdminLists(t *testing.T) {
	w := newWorld(t, nil)
	w.open("pay-1")
	var got struct {
		Cards        []Card
		Scenarios    []WebhookScenario
		Outcomes     []Outcome
		Transactions []map[string]any
	}
	for _, path := range []string{"/__sim/cards", "/__sim/scenarios", "/__sim/transactions"} {
		if err := json.Unmarshal([]byte(w.do("GET", path, nil, "").body), &got); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.Cards) != len(Cards()) || len(got.Scenarios) != len(WebhookScenarios()) || len(got.Outcomes) == 0 || len(got.Transactions) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestScriptedAttempt(t *testing.T) {
	w := newWorld(t, nil)
	for _, script := range []string{
		`{"outcome":"insufficient-funds","reference":"pay-2"}`,
		`{"outcome":"declined","times":2}`,
		`{"webhook":"tripled"}`,
	} {
		if a := w.do("POST", "/__sim/next", nil, script); a.status != 200 {
			t.Fatalf("%s: %d %s", script, a.status, a.body)
		}
	}
	first, second := w.open("pay-1"), w.open("pay-2")
	for range 2 {
		if a := w.enter(first, goodCard); a.status != 200 || !strings.Contains(a.body, "Declined") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := w.enter(second, goodCard); !strings.Contains(a.body, "Insufficient Funds") {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.enter(first, goodCard)
	w.clock.Advance(time.Minute)
	for range 3 {
		if got := told(t, w.delivered()); got != rightHook {
			t.Error(got)
		}
	}
	w.nothing()
}

func TestFaultsOfTheAPI(t *testing.T) {
	w := newWorld(t, nil)
	calls := map[string]func() (response, error){
		"initialize": func() (response, error) {
			return w.try("POST", "/transaction/initialize", headers(key), marshal(t, initBody("faulty")))
		},
		"verify": func() (response, error) { return w.try("GET", "/transaction/verify/x", headers(key), "") },
		"list":   func() (response, error) { return w.try("GET", "/transaction", headers(key), "") },
		"refund": func() (response, error) {
			return w.try("POST", "/refund", headers(key), `{"transaction":"x"}`)
		},
		"refunds":    func() (response, error) { return w.try("GET", "/refund", headers(key), "") },
		"settlement": func() (response, error) { return w.try("GET", "/settlement", headers(key), "") },
		"dispute":    func() (response, error) { return w.try("GET", "/dispute", headers(key), "") },
	}
	for name, call := range calls {
		for fault, want := range map[Fault]int{Internal: 500, Empty: 500, HTML: 502, Unavailable: 503, RateLimited: 429, Drop: 0} {
			if a := w.do("POST", "/__sim/faults", nil, `{"`+name+`":"`+string(fault)+`"}`); a.status != 200 {
				t.Fatal(a.body)
			}
			if a, err := call(); (err != nil) != (want == 0) || a.status != want {
				t.Errorf("%s %s: %d %q %v", name, fault, a.status, a.body, err)
			}
		}
		w.do("POST", "/__sim/faults", nil, `{"`+name+`":""}`)
	}
	if a := w.verify("faulty"); a.status != 400 {
		t.Errorf("a dropped initialize did something: %s", a.body)
	}
	if err := w.sim.Script(Next{On: "initialize", Fault: DropAfter}); err != nil {
		t.Fatal(err)
	}
	if a, err := calls["initialize"](); err == nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	if data := w.verify("faulty").data(t); data["status"] != "abandoned" {
		t.Errorf("%v", data)
	}
	if a, err := calls["initialize"](); err != nil || a.json(t)["code"] != "duplicate_reference" {
		t.Errorf("%s %v", a.body, err)
	}
}

func TestSlowAnswersAfter35Seconds(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Speed = 10 })
	if err := w.sim.SetFaults(Faults{List: Slow}); err != nil {
		t.Fatal(err)
	}
	got := make(chan response)
	go func() {
		a, _ := w.try("GET", "/transaction", headers(key), "")
		got <- a
	}()
	w.clock.AwaitTimers(1)
	w.clock.Advance(3499 * time.Millisecond)
	select {
	case a := <-got:
		t.Fatalf("answered too early: %d", a.status)
	default:
	}
	w.clock.Advance(time.Millisecond)
	if a := <-got; a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestAdminRefusesNonsense(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/__sim/next", `{`, 400},
		{"POST", "/__sim/next", `{"outcom":"declined"}`, 400},
		{"POST", "/__sim/next", `{}`, 422},
		{"POST", "/__sim/next", `{"on":"transfer","fault":"500"}`, 422},
		{"POST", "/__sim/next", `{"refund":"nosuch"}`, 422},
		{"POST", "/__sim/next", `{"refund":"failed","outcome":"declined"}`, 422},
		{"POST", "/__sim/next", `{"on":"refund","fault":"500","refund":"failed"}`, 422},
		{"POST", "/__sim/disputes", `{"reference":"nosuch"}`, 422},
		{"POST", "/__sim/disputes", `{"refrence":"nosuch"}`, 400},
		{"POST", "/__sim/disputes/7/remind", ``, 404},
		{"POST", "/__sim/disputes/x/resolve", `{"resolution":"declined"}`, 404},
		{"POST", "/__sim/disputes/7/resolve", `{"resolution":"won"}`, 422},
		{"POST", "/__sim/next", `{"on":"verify"}`, 422},
		{"POST", "/__sim/next", `{"on":"verify","fault":"nosuch"}`, 422},
		{"POST", "/__sim/next", `{"on":"verify","fault":"500","outcome":"declined"}`, 422},
		{"POST", "/__sim/next", `{"outcome":"nosuch"}`, 422},
		{"POST", "/__sim/next", `{"webhook":"nosuch"}`, 422},
		{"POST", "/__sim/next", `{"outcome":"declined","times":-1}`, 422},
		{"POST", "/__sim/faults", `{"verify":"nosuch"}`, 422},
		{"POST", "/__sim/faults", `{"rate_limit":-1}`, 422},
		{"POST", "/__sim/faults", `{"verfy":"500"}`, 400},
		{"GET", "/__sim/deliveries?after=x", ``, 400},
		{"GET", "/__sim/deliveries?wait=61", ``, 400},
		{"GET", "/__sim/nosuch", ``, 404},
	} {
		a := w.do(c.method, c.path, nil, c.body)
		if a.status != c.status || a.json(t)["error"] == "" {
			t.Errorf("%s %s %s: got %d %s", c.method, c.path, c.body, a.status, a.body)
		}
	}
	foreign := map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
	if a := w.do("POST", "/__sim/reset", foreign, ""); a.status != http.StatusForbidden {
		t.Errorf("from another site: %d", a.status)
	}
}

func TestDeliveriesCanBeWaitedFor(t *testing.T) {
	w := newWorld(t, nil)
	got := make(chan response, 1)
	go func() {
		a, _ := w.try("GET", "/__sim/deliveries?after=0&wait=20", nil, "")
		got <- a
	}()
	w.enter(w.open("pay-1"), goodCard)
	w.clock.Advance(time.Minute)
	var list struct{ Deliveries []Delivery }
	if err := json.Unmarshal([]byte((<-got).body), &list); err != nil || len(list.Deliveries) != 1 || list.Deliveries[0].Reference != "pay-1" {
		t.Fatalf("%+v, %v", list, err)
	}
	after := fmt.Sprintf("/__sim/deliveries?after=%d", list.Deliveries[0].ID)
	if a := w.do("GET", after, nil, ""); !strings.Contains(a.body, `"deliveries":[]`) {
		t.Errorf("%s", a.body)
	}
}

func TestResetForgets(t *testing.T) {
	w := newWorld(t, nil)
	w.enter(w.open("pay-1"), goodCard)
	if a := w.do("POST", "/__sim/reset", nil, ""); a.status != 200 {
		t.Fatal(a.body)
	}
	w.nothing()
	if a := w.verify("pay-1"); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.open("pay-1")
}

func TestOldestTransactionsAreForgotten(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 3 })
	for i := range 5 {
		w.open(fmt.Sprintf("pay-%d", i))
	}
	for i := range 5 {
		if a := w.verify(fmt.Sprintf("pay-%d", i)); (a.status == 400) != (i < 2) {
			t.Errorf("pay-%d: %d", i, a.status)
		}
	}
	w.sim.mu.Lock()
	defer w.sim.mu.Unlock()
	if a := w.sim.accounts[key]; len(a.order) != 3 || len(w.sim.byID) != 3 || len(w.sim.byAccessCode) != 3 || len(w.sim.order) != 3 {
		t.Errorf("%d in the account, %d by id", len(a.order), len(w.sim.byID))
	}
}

func TestRunIsForOnce(t *testing.T) {
	sim := New(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- sim.Run(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := sim.Run(context.Background()); err == nil {
		t.Error("Run after Run: no error")
	}
	for range 2 {
		if err := sim.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	unused := New(Options{})
	if err := unused.Close(); err != nil {
		t.Errorf("Close without Run: %v", err)
	}
	if err := unused.Run(context.Background()); err == nil {
		t.Error("Run after Close: no error")
	}
}

// TestManyPayersAtOnce runs on the real clock, for the race detector.
func TestManyPayersAtOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Now, o.AfterFunc, o.Speed = nil, nil, 10_000 })
	const payers = 40
	var all sync.WaitGroup
	for i := range payers {
		all.Go(func() {
			reference := fmt.Sprintf("pay-%d", i)
			a, err := w.try("POST", "/transaction/initialize", headers(key), marshal(t, initBody(reference)))
			if err != nil || a.status != 200 {
				t.Errorf("initialize: %d %s %v", a.status, a.body, err)
				return
			}
			path := strings.TrimPrefix(a.data(t)["authorization_url"].(string), w.paystack.URL)
			form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
			var twice sync.WaitGroup
			for range 2 { // a double click pays once
				twice.Go(func() {
					if _, err := w.try("POST", path, form, "step=card&expiry=12/49&cvv=408&card_number="+goodCard); err != nil {
						t.Error(err)
					}
				})
			}
			twice.Wait()
			if _, err := w.try("GET", "/transaction/verify/"+reference, headers(key), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	references := map[string]bool{}
	for range payers {
		references[w.delivered().Reference] = true
	}
	w.settle()
	if len(references) != payers || len(w.sim.Deliveries()) != payers {
		t.Errorf("%d references, %d deliveries", len(references), len(w.sim.Deliveries()))
	}
}

// nowhere keeps what a fuzzer makes up off the network.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in a fuzz test")
}

func FuzzNoBodyPanics(f *testing.F) {
	for _, body := range []string{
		"", "{", "null", "[]", `""`, `{"email":1}`, `{"email":"a@b.co","amount":1e999}`, "\x00\xff", "step=card&card_number=%zz",
		`{"email":"a@b.co","amount":"5","metadata":{"a":[1,{"b":1e400}]}}`, `{"email":"a@b.co","amount":5,"metadata":"[[[["}`,
		"step=card&card_number=4084084084084081&expiry=12/30&cvv=408", `{"times":1e308}`, strings.Repeat("[", 20_000),
	} {
		f.Add(body)
	}
	now := deliverytest.NewClock(start())
	sim := New(Options{Now: now.Now, AfterFunc: now.AfterFunc, HTTPClient: &http.Client{Transport: nowhere{}}})
	handler := sim.Handler()
	f.Fuzz(func(t *testing.T, body string) {
		serve := func(method, path, contentType, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			r.Header.Set("Authorization", "Bearer "+key)
			out := httptest.NewRecorder()
			handler.ServeHTTP(out, r)
			return out
		}
		for _, path := range []string{
			"/transaction/initialize", "/__sim/next", "/__sim/faults", "/__sim/webhooks", "/__sim/disputes", "/__sim/disputes/1/resolve",
			"/refund", "/refund/retry_with_customer_details/1", "/dispute/1/evidence",
		} {
			if out := serve("POST", path, "application/json", body); !json.Valid(out.Body.Bytes()) {
				t.Errorf("%s: %d %q", path, out.Code, out.Body)
			}
		}
		sim.Reset()
		var opened struct {
			Data struct {
				AccessCode string `json:"access_code"`
			}
		}
		out := serve("POST", "/transaction/initialize", "application/json", `{"email":"a@b.co","amount":5}`)
		if err := json.Unmarshal(out.Body.Bytes(), &opened); err != nil {
			t.Fatalf("%d %s", out.Code, out.Body)
		}
		if out := serve("POST", "/checkout/"+opened.Data.AccessCode, "application/x-www-form-urlencoded", body); !strings.Contains(out.Body.String(), "SIMULATED") {
			t.Errorf("page: %d %s", out.Code, out.Body)
		}
	})
}

// FuzzNoBodyAboutMoneyPanics is whatever may be sent about a paid payment that has a refund in need of attention and an
// open dispute: the answers are JSON, and the books balance.
func FuzzNoBodyAboutMoneyPanics(f *testing.F) {
	for _, body := range []string{
		"", "{", "null", "[]", `{"transaction":"p","amount":100}`, `{"transaction":"p"}`, `{"transaction":1e99}`, `{"transaction":["p"],"amount":-1}`, `{"transaction":"p","amount":"99999999999999999999"}`,
		`{"refund_account_details":{"currency":"KES","account_number":"1234567890","bank_id":"9"}}`, `{"refund_account_details":[]}`, `{"resolution":"merchant-accepted","message":"m","refund_amount":"0"}`,
		`{"resolution":"declined","message":"m","refund_amount":0,"uploaded_filename":"x","evidence":{}}`, `{"customer_email":"a@b.co","customer_name":"b","customer_phone":"c","service_details":"d"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		now := deliverytest.NewClock(start())
		sim := New(Options{Now: now.Now, AfterFunc: now.AfterFunc, HTTPClient: &http.Client{Transport: nowhere{}}})
		defer func() { _ = sim.Close() }()
		handler := sim.Handler()
		serve := func(method, path, contentType, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			r.Header.Set("Authorization", "Bearer "+key)
			out := httptest.NewRecorder()
			handler.ServeHTTP(out, r)
			return out
		}
		serve("POST", "/transaction/initialize", "application/json", `{"email":"a@b.co","amount":5000,"reference":"p"}`)
		sim.mu.Lock()
		page := "/checkout/" + sim.accounts[key].byReference["p"].accessCode
		sim.mu.Unlock()
		serve("POST", page, "application/x-www-form-urlencoded", "step=card&card_number=4084080000671902&expiry=12/30&cvv=190")
		serve("POST", "/refund", "application/json", `{"transaction":"p","amount":1000}`)
		id, err := sim.OpenDispute(key, "p", DisputeOptions{Amount: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var refund *refund
		for _, refund = range sim.refunds {
			sim.stepRefund(context.Background(), refund)
			sim.stepRefund(context.Background(), refund)
		}
		if refund == nil || refund.status != refundNeedsAttention {
			t.Fatalf("%+v", refund)
		}
		for _, call := range [][2]string{
			{"POST", "/refund"},
			{"POST", fmt.Sprintf("/refund/retry_with_customer_details/%d", refund.id)},
			{"POST", fmt.Sprintf("/dispute/%d/evidence", id)},
			{"PUT", fmt.Sprintf("/dispute/%d/resolve", id)},
			{"POST", fmt.Sprintf("/__sim/disputes/%d/resolve", id)},
		} {
			if out := serve(call[0], call[1], "application/json", body); !json.Valid(out.Body.Bytes()) {
				t.Errorf("%s: %d %q", call[1], out.Code, out.Body)
			}
		}
		sim.SettleNow()
		(&world{sim: sim}).balanced(t)
	})
}
