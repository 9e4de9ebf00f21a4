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

func TestAdminListsScenariosAndResults(t *testing.T) {
	w := newWorld(t, nil)
	var got struct {
		Scenarios []Scenario `json:"scenarios"`
		Results   []Result   `json:"results"`
	}
	for _, path := range []string{"/__sim/scenarios", "/__sim/results"} {
		if err := json.Unmarshal([]byte(w.do("GET", path, nil, "").body), &got); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.Scenarios) != len(Scenarios()) || len(got.Results) != len(Results()) {
		t.Errorf("%d scenarios, %d results", len(got.Scenarios), len(got.Results))
	}
}

func TestScriptComesBeforeTheMagicNumber(t *testing.T) {
	w := newWorld(t, nil)
	for _, script := range []string{
		`{"result_code":"7777","after_seconds":4,"msisdn":"254722000009"}`,
		`{"scenario":"result-2001","times":2}`,
		`{"result_code":"1","silent":true}`,
	} {
		if a := w.do("POST", "/__sim/next", nil, script); a.status != 200 {
			t.Fatalf("%s: %d %s", script, a.status, a.body)
		}
	}
	for _, want := range []string{"2001", "2001", "silent", "0"} {
		id := w.push(ordinary)
		w.clock.Advance(10 * time.Second)
		if want == "silent" {
			if got := w.asks(id); got != "1" {
				t.Errorf("query says %s", got)
			}
			continue
		}
		if code, _ := callback(t, w.delivered()); code != want {
			t.Errorf("got %s, want %s", code, want)
		}
	}
	w.push("254722000009")
	w.clock.Advance(4 * time.Second)
	if code, _ := callback(t, w.delivered()); code != "7777" {
		t.Errorf("got %s", code)
	}
	w.nothing()
}

func TestScriptedTokenExpiryHoldsOnce(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.sim.Script(Next{Scenario: "token-expired-once"}); err != nil {
		t.Fatal(err)
	}
	if a := w.post(pushPath, w.pushBody(ordinary)); a.json(t)["errorCode"] != "404.001.03" {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.token = w.login()
	w.push(ordinary)
}

func TestAdminRefusesNonsense(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/__sim/next", `{`, 400},
		{"POST", "/__sim/next", `{"scenaro":"success"}`, 400},
		{"POST", "/__sim/next", `{}`, 422},
		{"POST", "/__sim/next", `{"scenario":"success","result_code":"0"}`, 422},
		{"POST", "/__sim/next", `{"scenario":"nosuch"}`, 422},
		{"POST", "/__sim/next", `{"scenario":"success","msisdn":"07"}`, 422},
		{"POST", "/__sim/next", `{"scenario":"success","times":-1}`, 422},
		{"POST", "/__sim/next", `{"result_code":"1","after_seconds":-1}`, 422},
		{"POST", "/__sim/next", `{"result_code":"` + strings.Repeat("9", 21) + `"}`, 422},
		{"POST", "/__sim/faults", `{"oauth":"nosuch"}`, 422},
		{"POST", "/__sim/faults", `{"token_ttl_seconds":-1}`, 422},
		{"POST", "/__sim/faults", `{"outh":"500"}`, 400},
		{"GET", "/__sim/deliveries?after=x", ``, 400},
		{"GET", "/__sim/deliveries?wait=61", ``, 400},
		{"POST", "/__sim/prompts/ws_CO_x/approve", ``, 404},
		{"GET", "/__sim/nosuch", ``, 404},
		{"DELETE", "/__sim/next", ``, 404},
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
	got := make(chan answer, 1)
	go func() {
		a, _ := w.try("GET", "/__sim/deliveries?after=0&wait=20", nil, "")
		got <- a
	}()
	id := w.push(ordinary)
	w.clock.Advance(paidAfter)
	var list struct {
		Deliveries []Delivery `json:"deliveries"`
	}
	if err := json.Unmarshal([]byte((<-got).body), &list); err != nil || len(list.Deliveries) != 1 || list.Deliveries[0].CheckoutRequestID != id {
		t.Fatalf("%+v, %v", list, err)
	}
	after := fmt.Sprintf("/__sim/deliveries?after=%d", list.Deliveries[0].ID)
	if a := w.do("GET", after, nil, ""); !contains(a.body, `"deliveries":[]`) {
		t.Errorf("%s", a.body)
	}
}

func TestAPersonDecidesOnThePage(t *testing.T) {
	for decision, want := range map[string]string{"approve": "0", "cancel": "1032", "wrong-pin": "2001", "ignore": "1037"} {
		w := newWorld(t, func(o *Options) { o.Speed = 1000 })
		w.register(registerV2, SandboxShortCode, "Completed")
		id := w.push("254700077777")
		w.clock.Advance(time.Minute)
		if got := w.asks(id); got != "4999" {
			t.Errorf("undecided: %s", got)
		}
		page := w.do("GET", "/", nil, "")
		action := "/__sim/prompts/" + id + "/" + decision
		if page.status != 200 || !contains(page.body, `action="`+action[1:]+`"`) || contains(page.body, "<script") ||
			!contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatalf("page: %d %v\n%s", page.status, page.header, page.body)
		}
		form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
		if a := w.do("POST", action, form, ""); a.status != http.StatusSeeOther {
			t.Errorf("button: %d %s", a.status, a.body)
		}
		if code, _ := callback(t, w.delivered()); code != want {
			t.Errorf("%s: ResultCode %s", decision, code)
		}
		if got := w.asks(id); got != want {
			t.Errorf("%s: query says %s", decision, got)
		}
		w.settle()
		w.clock.Advance(time.Minute)
		if decision == "approve" {
			if d := w.delivered(); d.Kind != C2BConfirmation {
				t.Errorf("%+v", d)
			}
		}
		if a := w.do("POST", action, nil, ""); a.status != 404 {
			t.Errorf("decided twice: %d", a.status)
		}
		w.nothing()
	}
}

func TestNobodyDecides(t *testing.T) {
	w := newWorld(t, nil)
	w.push("254700077777")
	if p := w.sim.Prompts(); len(p) != 1 || !p[0].Manual {
		t.Errorf("%+v", p)
	}
	w.clock.Advance(patience)
	if code, _ := callback(t, w.delivered()); code != "1037" {
		t.Errorf("ResultCode %s", code)
	}
	if p := w.sim.Prompts(); len(p) != 0 {
		t.Errorf("%+v", p)
	}
	w.nothing()
}

func TestResetForgets(t *testing.T) {
	w := newWorld(t, nil)
	id := w.push(ordinary)
	if err := w.sim.SetFaults(Faults{STKPush: HTML}); err != nil {
		t.Fatal(err)
	}
	if a := w.do("POST", "/__sim/reset", nil, ""); a.status != 200 {
		t.Fatal(a.body)
	}
	w.nothing()
	w.token = w.login()
	if got := w.asks(id); !contains(got, "does not Exist") {
		t.Errorf("query says %s", got)
	}
	w.push(ordinary)
}

func TestOldestTransactionsAreForgotten(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxTransactions = 3 })
	ids := []string{}
	for i := range 5 {
		ids = append(ids, w.push(fmt.Sprintf("25472200001%d", i)))
	}
	for i, id := range ids {
		if got := w.asks(id); contains(got, "does not Exist") != (i < 2) {
			t.Errorf("push %d: query says %s", i, got)
		}
	}
	w.sim.mu.Lock()
	defer w.sim.mu.Unlock()
	if n := len(w.sim.receipts); n != 6 || len(w.sim.prompts) != 3 || len(w.sim.order) != 3 {
		t.Errorf("%d receipts, %d prompts, %d transactions", n, len(w.sim.prompts), len(w.sim.order))
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
	w.clock = deliverytest.NewClock(time.Now())
	w.register(registerV2, SandboxShortCode, "Completed")
	const payers = 40
	var all sync.WaitGroup
	for i := range payers {
		all.Go(func() {
			a, err := w.try("POST", pushPath, w.headers(), marshal(t, w.pushBody(fmt.Sprintf("2547330000%02d", i))))
			if err != nil || a.status != 200 {
				t.Errorf("push: %d %s %v", a.status, a.body, err)
				return
			}
			if _, err := w.try("POST", queryPath, w.headers(), marshal(t, w.queryBody(a.json(t)["CheckoutRequestID"].(string)))); err != nil {
				t.Error(err)
			}
			if _, err := w.try("GET", "/__sim/prompts", nil, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	receipts := map[string]int{}
	for range 2 * payers {
		receipts[w.delivered().Receipt]++
	}
	if len(receipts) != payers {
		t.Errorf("%d receipts", len(receipts))
	}
	for receipt, n := range receipts {
		if n != 2 {
			t.Errorf("%s came %d times", receipt, n)
		}
	}
}

// nowhere keeps what a fuzzer makes up off the network.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in a fuzz test")
}

func FuzzNoBodyPanics(f *testing.F) {
	for _, body := range []string{
		"", "{", "null", "[]", `""`, `{"BusinessShortCode":174379}`, `{"BusinessShortCode":{"a":[1e999]}}`, "\x00\xff",
		`{"ShortCode":"600984","CommandID":null,"Amount":1e400,"Msisdn":[],"BillRefNumber":{}}`,
		`{"Initiator":"testapi","SecurityCredential":"AAAA","CommandID":"AccountBalance","PartyA":600984,"IdentifierType":4,"Remarks":"ok","ResultURL":"http://a.example/","QueueTimeOutURL":"http://a.example/"}`,
		`{"ShortCode":"174379","StartDate":"2026-01-01 9:00","EndDate":"2026-01-01 9:00:00","OffSetValue":1e9}`, `{"receipt":"x","shortcode":"174379","amount":9e99}`,
		`{"scenario":1}`, `{"after_seconds":1e308}`, strings.Repeat("[", 20_000),
	} {
		f.Add(body)
	}
	now := deliverytest.NewClock(noon())
	sim := New(Options{Now: now.Now, AfterFunc: now.AfterFunc, HTTPClient: &http.Client{Transport: nowhere{}}})
	sim.tokens["t"] = grant{&sim.opts.Apps[0], noon().Add(time.Hour)}
	handler := sim.Handler()
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{
			pushPath, queryPath, registerV1, simulateV2, "/oauth/v1/generate?grant_type=x", "/__sim/next", "/__sim/faults", reversalPath, b2cPath, statusPath,
			balancePath, pullPath, registerPullPath, "/__sim/tariff", "/__sim/reversals", "/__sim/withdrawals", "/__sim/deposits",
		} {
			r := httptest.NewRequestWithContext(context.Background(), "POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer t")
			out := httptest.NewRecorder()
			handler.ServeHTTP(out, r)
			if out.Code == 0 || !json.Valid(out.Body.Bytes()) {
				t.Errorf("%s: %d %q", path, out.Code, out.Body)
			}
		}
		sim.Reset()
		sim.mu.Lock()
		sim.tokens["t"] = grant{&sim.opts.Apps[0], noon().Add(time.Hour)}
		sim.mu.Unlock()
	})
}
