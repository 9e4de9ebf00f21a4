package main_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// posts are the POST endpoints of the reference.
var posts = []string{
	"/api/transactions/initialize", "/api/customers/create", "/api/payment-channels/create", "/api/mpesa/stk-push", "/api/mpesa/register-c2b-urls", "/api/mpesa/simulate-c2b",
}

// gets are the GET endpoints.
var gets = []string{
	"/api/transactions/verify/KIPAY0123456789ABCDEF", "/api/transactions/list", "/api/payment-channels/list", "/api/customers/list", "/api/mpesa/stk-status/MPESA0123456789ABCDEF",
}

func TestEveryEndpointWantsAKey(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	revoked := reply{raw: m.cli(t, "key", "issue", "--merchant", m.id, "--json")}
	m.as(revoked.text("api_key")).get("/api/customers/list").want(t, 200, nil)
	m.cli(t, "key", "revoke", revoked.text("key_id"))
	for i, key := range []string{"", "nonsense", "kp_test_00000000000000000000000000000000", revoked.text("api_key"), m.key + "x", strings.Repeat("k", 5000)} {
		other := m.as(key)
		for n, path := range append(append([]string(nil), posts...), gets...) {
			// Twenty failures a minute are one client's share.
			other.from = "10.99." + strconv.Itoa(i) + "." + strconv.Itoa(n)
			method, body := http.MethodGet, ""
			if n < len(posts) {
				method, body = http.MethodPost, "{}"
			}
			if len(key) > 4096 && other.call(method, path, body).status == 431 {
				continue
			}
			other.call(method, path, body).wantError(t, 401, "^Invalid API key$")
		}
	}
}

func TestFailedAuthenticationsAreLimitedByClient(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	guess := m.as("kp_test_guess")
	guess.from = "10.98.1.1"
	for range 20 {
		guess.call(http.MethodGet, "/api/customers/list", "").wantError(t, 401, "^Invalid API key$")
	}
	if r := guess.call(http.MethodGet, "/api/customers/list", "").wantError(t, 429, ""); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After on 429")
	}
	honest := m.as(m.key)
	honest.from = guess.from
	honest.get("/api/customers/list").want(t, 200, nil)
}

func TestBodiesThatAreNotJSONObjectsAre400(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	for _, path := range posts {
		for _, body := range []string{"{", "nonsense", "[]", `"text"`, "7", "null", "{}{}", `{"amount":}`, "\xff\xfe{}"} {
			m.post(path, body).wantError(t, 400, "")
		}
		m.post(path, `{"amount":5}`, "Content-Type", "text/plain").wantError(t, 400, "Content-Type")
		m.post(path, `amount=5`, "Content-Type", "application/x-www-form-urlencoded").wantError(t, 400, "Content-Type")
		m.post(path, `{}`, "Content-Encoding", "gzip").wantError(t, 400, "")
		m.post(path, `{}`, "Content-Type", "application/json; charset=utf-8").wantError(t, 422, "", fieldsOf(m.post(path, `{}`))...)
	}
}

func fieldsOf(r reply) []string {
	var names []string
	errors, _ := r.at("errors").(map[string]any)
	for name := range errors {
		names = append(names, name)
	}
	return names
}

func TestBodiesOverOneMebibyteAre413(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	for _, path := range posts {
		m.post(path, `{"description":"`+strings.Repeat("x", 1<<20)+`"}`).wantError(t, 413, "")
		if r := m.post(path, `{"description":"`+strings.Repeat("x", 1<<20-100)+`"}`); r.status != 422 {
			t.Errorf("%s: just below a mebibyte: %v", path, r)
		}
	}
}

func TestUnknownRoutesAndMethodsAreJSON(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	for _, path := range []string{"/api/nothing", "/api/transactions", "/api/transactions/verify/", "/api/", "/api"} {
		m.get(path, "Accept", "text/html").wantError(t, 404, "")
	}
	for _, path := range posts {
		if r := m.get(path); r.status != 404 && r.status != 405 {
			t.Errorf("GET %s: %v", path, r)
		} else {
			r.wantError(t, r.status, "")
		}
	}
	for _, path := range gets {
		if r := m.post(path, "{}"); r.status != 404 && r.status != 405 {
			t.Errorf("POST %s: %v", path, r)
		} else {
			r.wantError(t, r.status, "")
		}
	}
	send(t.Context(), "GET", m.base+"/nothing", "", "Accept", "application/json").wantError(t, 404, "")
}

func TestRequestIDIsTheClientsOrOurs(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, usual(t))
	if got := m.get("/api/customers/list", "X-Request-ID", "order-77").header.Get("X-Request-Id"); got != "order-77" {
		t.Errorf("the request id is %q", got)
	}
	m.get("/api/nothing", "X-Request-ID", "order-78").want(t, 404, shape{"request_id": `="order-78"`})
	a, b := m.get("/api/customers/list").header.Get("X-Request-Id"), m.get("/api/customers/list").header.Get("X-Request-Id")
	if a == "" || a == b {
		t.Errorf("the request ids are %q and %q", a, b)
	}
	if got := m.get("/api/customers/list", "X-Request-ID", strings.Repeat("x", 300)).header.Get("X-Request-Id"); len(got) > 200 {
		t.Errorf("an endless request id is echoed: %q", got)
	}
}

func TestRateLimitIsAnsweredAndHeld(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"RATE_LIMIT": "8-H"}))
	a, b := newMerchant(t, in), newMerchant(t, in)
	for left := 7; left >= 0; left-- {
		r := a.call(http.MethodGet, "/api/transactions/verify/KIPAY0123456789ABCDEF", "")
		for name, want := range map[string]string{"X-RateLimit-Limit": "8", "X-RateLimit-Remaining": strconv.Itoa(left)} {
			if got := r.header.Get(name); r.status != 404 || got != want {
				t.Errorf("%s is %q, want %s: %v", name, got, want, r)
			}
		}
		if reset, err := strconv.ParseInt(r.header.Get("X-RateLimit-Reset"), 10, 64); err != nil || time.Unix(reset, 0).Before(time.Now()) && reset > 1e9 {
			t.Errorf("X-RateLimit-Reset is %q", r.header.Get("X-RateLimit-Reset"))
		}
	}
	for _, path := range posts {
		r := a.post(path, "{}").wantError(t, 429, "")
		if wait, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || wait < 1 || r.header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("headers of a 429: %v", r.header)
		}
	}
	b.call(http.MethodGet, "/api/transactions/verify/KIPAY0123456789ABCDEF", "").wantError(t, 404, "")
	a.as(a.live).call(http.MethodGet, "/api/transactions/verify/KIPAY0123456789ABCDEF", "").wantError(t, 404, "")
}

func TestEveryAnswerHasRateLimitHeaders(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	answers := map[string]reply{}
	for _, path := range posts {
		answers["POST "+path] = m.post(path, "{}")
	}
	for _, path := range gets {
		answers["GET "+path] = m.get(path)
	}
	for what, r := range answers {
		for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id"} {
			if r.header.Get(name) == "" {
				t.Errorf("%s: no %s", what, name)
			}
		}
		if got := r.header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
			t.Errorf("%s: Content-Type %q", what, got)
		}
		if got := r.header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
			t.Errorf("%s: Cache-Control %q", what, got)
		}
	}
}

func TestScopesLimitAKey(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	reader := m.as(reply{raw: m.cli(t, "key", "issue", "--merchant", m.id, "--scope", "read", "--json")}.text("api_key"))
	writer := m.as(reply{raw: m.cli(t, "key", "issue", "--merchant", m.id, "--scope", "write", "--json")}.text("api_key"))
	for _, path := range posts {
		reader.post(path, "{}").wantError(t, 403, "")
	}
	for _, path := range gets {
		writer.get(path).wantError(t, 403, "")
	}
	ref := writer.initialize(t, `{"amount":5,"email":"a@example.com"}`)
	reader.get("/api/transactions/verify/"+ref).want(t, 200, nil)
}
