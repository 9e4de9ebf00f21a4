package web

import (
	"strings"
	"testing"
)

func TestRequestIDOfTheClientIsKeptWhenItMayBe(t *testing.T) {
	at := open(t, func(o *Options) { o.NewRequestID = func() string { return "OURS" } }, nil)
	for id, kept := range map[string]bool{
		"12345678":                             false, // may be a phone or an account
		"abcdefgh":                             true,
		"order-4711_b.2":                       true,
		"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b": true,
		strings.Repeat("a", 64):                true,
		strings.Repeat("a", 65):                false,
		"short-7":                              false,
		"":                                     false,
		"with space":                           false,
		"new\tline":                            false,
		"quote\"quote":                         false,
		"<script>alert":                        false,
		"ünïcödé-id":                           false,
		"254712345678":                         false,
		"4111-1111-1111-1111":                  false,
		goodKey:                                false,
		"sk_live_0123456789":                   false,
	} {
		want := "OURS"
		if kept {
			want = id
		}
		for _, path := range []string{"/api/things/A", "/api/nowhere", "/healthz", "/nowhere"} {
			a := at.call("GET", path, "", headerAPIKey, goodKey, "X-Request-ID", id)
			if got := a.header.Values("X-Request-ID"); len(got) != 1 || got[0] != want {
				t.Errorf("%q on %s: answered %q, want %q", id, path, got, want)
			}
			if a.status >= 400 && a.body.RequestID != want {
				t.Errorf("%q on %s: %q in the body", id, path, a.body.RequestID)
			}
		}
	}
}

func TestNewRequestIDsAreAcceptableAndDiffer(t *testing.T) {
	at := open(t, nil, nil)
	seen := map[string]bool{}
	for range 20 {
		id := at.get("/api/things/A").header.Get("X-Request-ID")
		if !acceptableID([]byte(id)) || seen[id] {
			t.Errorf("id %q", id)
		}
		seen[id] = true
	}
}
