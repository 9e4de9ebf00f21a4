package simulator

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"
)

func basic(key, secret string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+secret))}
}

func TestOAuthAnswersAsDaraja(t *testing.T) {
	w := newWorld(t, nil)
	right := basic(SandboxConsumerKey, SandboxConsumerSecret)
	for name, c := range map[string]struct {
		method, path string
		header       map[string]string
		status       int
		code         string
	}{
		"no header":        {"GET", tokenPath, nil, 400, "400.008.01"},
		"bearer":           {"GET", tokenPath, map[string]string{"Authorization": "Bearer x"}, 400, "400.008.01"},
		"broken basic":     {"GET", tokenPath, map[string]string{"Authorization": "Basic %%%"}, 400, "400.008.01"},
		"wrong secret":     {"GET", tokenPath, basic(SandboxConsumerKey, "x"), 400, "400.008.01"},
		"wrong key":        {"GET", tokenPath, basic("x", SandboxConsumerSecret), 400, "400.008.01"},
		"no grant type":    {"GET", "/oauth/v1/generate", right, 400, "400.008.02"},
		"wrong grant type": {"GET", "/oauth/v1/generate?grant_type=password", right, 400, "400.008.02"},
		"wrong verb":       {"POST", tokenPath, right, 405, "405.001"},
		"wrong path":       {"GET", "/oauth/v2/generate", right, 404, "404.001.01"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(c.method, c.path, c.header, "")
			got := a.json(t)
			if a.status != c.status || got["errorCode"] != c.code || got["requestId"] == "" || got["errorMessage"] == "" {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, c.status, c.code)
			}
		})
	}
	a := w.do("GET", tokenPath, right, "")
	if got := a.json(t); a.status != 200 || got["expires_in"] != "3599" || len(got["access_token"].(string)) != 28 {
		t.Errorf("login: %d %s", a.status, a.body)
	}
}

func TestWrongSecretCanAnswerWithoutBody(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Faults.WrongSecretEmptyBody = true })
	if a := w.do("GET", tokenPath, basic("x", "y"), ""); a.status != 400 || a.body != "" {
		t.Errorf("got %d %q", a.status, a.body)
	}
}

func TestTokenRejectionIsSpeltPerAPI(t *testing.T) {
	w := newWorld(t, nil)
	const plain, echo = "Invalid Access Token", "Error Occurred - Invalid Access Token - unknown"
	for path, want := range map[string]struct {
		status        int
		code, message string
	}{
		pushPath: {404, "404.001.03", plain}, queryPath: {404, "404.001.03", plain},
		registerV1: {400, "400.003.01", plain}, registerV2: {400, "400.003.01", plain}, simulateV2: {400, "400.003.01", plain},
		reversalPath: {404, "404.001.03", plain}, statusPath: {400, "400.003.01", plain}, balancePath: {401, "401.002.01", echo}, b2cPath: {401, "401.002.01", echo},
		pullPath: {401, "401.001", plain}, registerPullPath: {401, "401.001", plain}, "/mpesa/b2b/v1/paymentrequest": {404, "404.001.03", plain},
	} {
		h := w.headers()
		h["Authorization"] = "Bearer unknown"
		a := w.do("POST", path, h, "{}")
		if got := a.json(t); a.status != want.status || got["errorCode"] != want.code || got["errorMessage"] != want.message {
			t.Errorf("%s: got %d %s", path, a.status, a.body)
		}
		for _, header := range []string{"", "Basic abc", "Bearer "} {
			h["Authorization"] = header
			if a := w.do("POST", path, h, "{}"); a.status != 404 || a.json(t)["errorCode"] != "404.001.04" {
				t.Errorf("%s with %q: got %d %s", path, header, a.status, a.body)
			}
		}
	}
}

func TestTokenExpires(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Faults.TokenTTLSeconds = 60 })
	w.clock.Advance(59 * time.Second)
	w.push(ordinary)
	w.clock.Advance(time.Second)
	if a := w.post(pushPath, w.pushBody("254722000002")); a.json(t)["errorCode"] != "404.001.03" {
		t.Errorf("with an old token: %d %s", a.status, a.body)
	}
	w.token = w.login()
	w.push("254722000002")
}

func TestNewTokenKillsOldWhenSwitchedOn(t *testing.T) {
	w := newWorld(t, nil)
	old := w.token
	w.login()
	w.push(ordinary)
	if err := w.sim.SetFaults(Faults{NewTokenKillsOld: true}); err != nil {
		t.Fatal(err)
	}
	fresh := w.login()
	if a := w.post(pushPath, w.pushBody("254722000002")); a.json(t)["errorCode"] != "404.001.03" {
		t.Errorf("token %s…: %d %s", old[:4], a.status, a.body)
	}
	w.token = fresh
	w.push("254722000002")
}

func TestFaultsOfTheWholeService(t *testing.T) {
	w := newWorld(t, nil)
	calls := map[string]func() answer{
		"oauth":    func() answer { return w.do("GET", tokenPath, basic(SandboxConsumerKey, SandboxConsumerSecret), "") },
		"stkpush":  func() answer { return w.post(pushPath, w.pushBody(ordinary)) },
		"stkquery": func() answer { return w.post(queryPath, w.queryBody("ws_CO_x")) },
		"c2b":      func() answer { return w.post(simulateV2, map[string]any{}) },
	}
	bodies := map[Fault]struct {
		status int
		body   string
	}{
		Internal: {500, "500.003.1001"}, Empty: {500, ""}, HTML: {500, "<html>"}, Unavailable: {503, ""},
		Busy: {500, "System is busy"}, SpikeArrest: {500, "Spike Arrest"},
	}
	for name, call := range calls {
		for fault, want := range bodies {
			a := w.do("POST", "/__sim/faults", nil, `{"`+name+`":"`+string(fault)+`"}`)
			if a.status != 200 {
				t.Fatalf("%s: %s", name, a.body)
			}
			a = call()
			if a.status != want.status || want.body == "" && a.body != "" || !contains(a.body, want.body) {
				t.Errorf("%s %s: got %d %q", name, fault, a.status, a.body)
			}
		}
		w.do("POST", "/__sim/faults", nil, `{"`+name+`":"token"}`)
		if a := call(); a.status/100 != 4 {
			t.Errorf("%s token: got %d %q", name, a.status, a.body)
		}
		w.do("POST", "/__sim/faults", nil, `{"`+name+`":"drop"}`)
		if a, err := w.try("POST", map[string]string{"oauth": tokenPath, "stkpush": pushPath, "stkquery": queryPath, "c2b": simulateV2}[name], w.headers(), "{}"); err == nil {
			t.Errorf("%s drop: got %d %q", name, a.status, a.body)
		}
		w.do("POST", "/__sim/faults", nil, `{"`+name+`":""}`)
	}
	w.nothing()
}

func TestSlowAnswersAfter35Seconds(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Speed = 10 })
	if err := w.sim.SetFaults(Faults{OAuth: Slow}); err != nil {
		t.Fatal(err)
	}
	got := make(chan answer)
	go func() {
		a, _ := w.try("GET", tokenPath, basic(SandboxConsumerKey, SandboxConsumerSecret), "")
		got <- a
	}()
	w.clock.AwaitTimers(1)
	w.clock.Advance(3400 * time.Millisecond)
	select {
	case a := <-got:
		t.Fatalf("answered too early: %d", a.status)
	default:
	}
	w.clock.Advance(100 * time.Millisecond)
	if a := <-got; a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.body)
	}
}
