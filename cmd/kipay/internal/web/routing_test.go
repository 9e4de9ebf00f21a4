package web

import (
	"testing"
)

func TestUnknownRoutesAndMethodsAreJSON(t *testing.T) {
	at := open(t, nil, nil)
	for _, tc := range []struct {
		name, method, path, key string
		status                  int
		message, allow          string
	}{
		{"unknown route with a key", "GET", "/api/nowhere", goodKey, 404, "No such route", ""},
		{"unknown route without one is not told from a known one", "GET", "/api/nowhere", "", 401, "Invalid API key", ""},
		{"the API's root", "GET", "/api", goodKey, 404, "No such route", ""},
		{"the API's root without a key", "GET", "/api/", "", 401, "Invalid API key", ""},
		{"wrong method", "DELETE", "/api/things/A", goodKey, 405, "Method not allowed", "GET, HEAD"},
		{"wrong method without a key", "DELETE", "/api/things/A", "", 401, "Invalid API key", ""},
		{"a name that begins like the API's", "GET", "/apifoo", "", 404, "No such route", ""},
		{"other case", "GET", "/API/things/A", goodKey, 404, "No such route", ""},
		{"escaped", "GET", "/%61pi/things/A", "", 404, "No such route", ""},
		{"dots", "GET", "/x/../api/things/A", "", 404, "No such route", ""},
		{"unknown page", "GET", "/nowhere", "", 404, "No such route", ""},
		{"wrong method on a page", "DELETE", "/healthz", "", 405, "Method not allowed", "GET, HEAD"},
		{
			"a method nobody knows", "BREW", "/api/things/A", goodKey, 405, "Method not allowed",
			"GET, HEAD, POST, PUT, PATCH, DELETE",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var headers []string
			if tc.key != "" {
				headers = []string{headerAPIKey, tc.key}
			}
			a := at.call(tc.method, tc.path, "", headers...)
			at.wantError(a, tc.status, tc.message)
			if got := a.header.Get("Allow"); got != tc.allow {
				t.Errorf("Allow is %q, want %q", got, tc.allow)
			}
			if got := at.log.last(t)["route"]; got != unmatched {
				t.Errorf("logged as %v", got)
			}
		})
	}
}

// curl -X PUT -d … sends a form: what is wrong with that request is its method, not its body.
func TestUnknownRoutesAndMethodsAreSaidBeforeWhatIsWrongWithTheBody(t *testing.T) {
	at := open(t, nil, nil)
	for _, tc := range []struct {
		method, path   string
		status         int
		message, allow string
	}{
		{"POST", "/api/things", 400, "Content-Type must be application/json", ""},
		{"POST", "/api/things/", 400, "Content-Type must be application/json", ""},
		{"PUT", "/api/things", 405, "Method not allowed", "POST"},
		{"DELETE", "/api/things/A", 405, "Method not allowed", "GET, HEAD"},
		{"POST", "/api/nowhere", 404, "No such route", ""},
		{"POST", "/api", 404, "No such route", ""},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			a := at.call(tc.method, tc.path, "a=1", headerAPIKey, goodKey, "Content-Type", "application/x-www-form-urlencoded")
			at.wantError(a, tc.status, tc.message)
			if got := a.header.Get("Allow"); got != tc.allow {
				t.Errorf("Allow is %q, want %q", got, tc.allow)
			}
		})
	}
}

func TestTrailingSlashIsTheSameRoute(t *testing.T) {
	at := open(t, nil, nil)
	if a := at.get("/api/things/A/"); a.status != 200 {
		t.Errorf("got %d %q", a.status, a.text)
	}
}

func TestHeadAnswersWithoutABody(t *testing.T) {
	at := open(t, nil, nil)
	if a := at.call("HEAD", "/api/things/A", "", headerAPIKey, goodKey); a.status != 200 || a.text != "" {
		t.Errorf("got %d %q", a.status, a.text)
	}
	if a := at.call("HEAD", "/api/nowhere", "", headerAPIKey, goodKey); a.status != 404 || a.text != "" {
		t.Errorf("got %d %q", a.status, a.text)
	}
}
