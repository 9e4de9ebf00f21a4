package web

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/benfex/kipay/domain"
)

func TestOneLinePerRequestNamesThePatternNotThePath(t *testing.T) {
	at := open(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }, nil)
	at.call("GET", "/api/things/KIPAYSECRETREFERENCE?token=hunter2", "", headerAPIKey, goodKey,
		"X-Request-ID", "order-4711", "X-Forwarded-For", "198.51.100.77")
	line := at.log.last(t)
	delete(line, "duration_ms")
	want := map[string]any{
		"level": "info", "message": "request", "request_id": "order-4711", "merchant": 7.0, "key": "key_7",
		"route": "/api/things/:reference", "method": "GET", "status": 200.0, "client": "198.51.100.0/24",
		"bytes": float64(len(`{"reference":"KIPAYSECRETREFERENCE","status":"success"}`)),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(at.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
	at.call("GET", "/api/things/A", "", headerAPIKey, goodKey, "X-Forwarded-For", "2001:db8:1:2:3:4:5:6")
	if got := at.log.last(t)["client"]; got != "2001:db8:1::/48" {
		t.Errorf("IPv6 client %v", got)
	}
}

func TestProbesAreLoggedAtDebugOnlyUnlessTheyFail(t *testing.T) {
	at := open(t, func(o *Options) { o.Log = o.Log.Level(zerolog.InfoLevel) }, func(s *Server) {
		s.Public().Get("/readyz", func(*fiber.Ctx) error { return domain.Unavailable("the store is away", nil) })
	})
	at.get("/healthz")
	if got := at.log.String(); got != "" {
		t.Errorf("logged %s", got)
	}
	at.get("/readyz")
	if line := at.log.last(t); line["route"] != "/readyz" || line["status"] != 503.0 {
		t.Errorf("log line %v", line)
	}
}

// planted are secrets as they may slip into the text of an error, or be sent to us.
var planted = []string{
	goodKey, "kp_live_AbCdEf0123456789", "sk_test_0123456789abcdefghij", "sk_live_zzzzzzzzzzzzzzzz",
	"jane.doe+shop@mail.example.co.ke", "jane%40example.com",
	"254712345678", "+254712345678", "+2547012345678", "0712345678", "254 712 345 678", "+254-712-345-678", "0110 345 678",
	"+44 20 7946 0958", "712345678",
	"4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009",
	"eyJhbGciOiJIUzI1NiJ9.e30.abc", "Basic c2VjcmV0OnNlY3JldA==",
	"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
}

func TestNothingPlantedReachesTheLog(t *testing.T) {
	var text string
	at := open(t, nil, func(s *Server) {
		s.API().Post("/fails/:secret", func(c *fiber.Ctx) error {
			inner := fmt.Errorf("post to Daraja for %s: Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc, basic c2VjcmV0OnNlY3JldA==", text)
			if c.Query("how") == "panic" {
				panic(inner)
			}
			return domain.Unavailable("try again", fmt.Errorf("append: %w", inner))
		})
	})
	for _, secret := range planted {
		for _, form := range []string{"%s", "phone=%s&x=1", `{"a":"%s"}`, "a_%s_b", "at 12 500 %s, 17 of 20", "(%s)"} {
			text = fmt.Sprintf(form, secret)
			for _, how := range []string{"error", "panic"} {
				at.call("POST", "/api/fails/"+strings.ReplaceAll(strings.ReplaceAll(secret, " ", "-"), "%", "")+"?how="+how,
					`{"secret":"`+secret+`"}`, headerAPIKey, goodKey, "Content-Type", "application/json", "User-Agent", secret,
					"Cookie", "session="+secret, "X-Request-ID", strings.ReplaceAll(secret, " ", "-"))
			}
		}
	}
	log := at.log.String()
	for _, secret := range planted {
		// These two may be request ids: letters and digits that look like nothing.
		if strings.HasPrefix(secret, "eyJ") || strings.HasPrefix(secret, "9f86") {
			log = strings.ReplaceAll(log, `"request_id":"`+secret+`"`, "")
		}
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("%s is in the log: …%s…", secret, log[max(i-80, 0):min(i+80, len(log))])
		}
	}
	if !strings.Contains(log, "post to Daraja for") {
		t.Error("the detail is gone too")
	}
}

func TestRedactLeavesWhatHelps(t *testing.T) {
	for text, want := range map[string]string{
		"append transaction-KIPAY0123456789ABCDEF at revision 17: wrong revision": "",
		"dial tcp 10.0.0.7:2113: connect: connection refused":                     "",
		"shortcode 174379, amount 250000, at 2025-04-10T12:34:56.000Z":            "",
		"event 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b":                              "",
		"order 1234567890123":                  "", // fails the Luhn check
		"":                                     "",
		"for 254712345678: timeout after 30 s": "for [phone]: timeout after 30 s",
		"paid by 4111 1111 1111 1111 on 2025-04-10": "paid by [card] on 2025-04-10",
		"ws_CO_03082022123412345708374149 unknown":  "ws_CO_03082022[digits] unknown",
		"REF4111 1111 1111 1111X":                   "REF[card]X",
		"receipt QGH4111111111111111 of 12 500":     "",
		"customer a@b.co of 500 0712345678":         "customer [email] of 500 [phone]",
		"key " + goodKey + " is revoked":            "key kp_test_[key] is revoked",
	} {
		if want == "" {
			want = text
		}
		if got := redact(text); got != want {
			t.Errorf("redact(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, secret := range planted {
		f.Add("for "+secret, secret)
	}
	f.Add("+", "1 2-3 +")
	f.Add("0", "104111 1111 1111 1111")
	f.Add("0", "12345104111 1111 1111 1111")
	f.Add("  00 ", "000A0004111 1111 1111 1111")
	f.Add("REF4111 1111 1111 1111", "X4111 1111 1111 1111Y")
	f.Add("0", "A4111 1111 1111 111111")
	// More digits right behind it make it another number, which is no card.
	card := regexp.MustCompile(`4111 1111 1111 1111([^0-9]|$)`)
	f.Fuzz(func(t *testing.T, before, after string) {
		got := redact(before + " 4111 1111 1111 1111 " + after)
		if card.MatchString(got) {
			t.Errorf("the card is in %q", got)
		}
	})
}

func TestDetailOfAnErrorIsTheWholeChain(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		s.API().Get("/fails", func(*fiber.Ctx) error {
			return fmt.Errorf("initialize: %w", domain.Unavailable("The store is away", errors.New("append x at revision 3: EOF")))
		})
	})
	at.get("/api/fails")
	line := at.log.last(t)
	if line["error"] != "initialize: The store is away: append x at revision 3: EOF" || line["level"] != "error" ||
		line["code"] != "unavailable" {
		t.Errorf("log line %v", line)
	}
}
