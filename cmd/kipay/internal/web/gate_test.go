package web

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/benfex/kipay/domain"
)

func TestEveryBadKeyGetsTheSameAnswer(t *testing.T) {
	at := open(t, nil, nil)
	for name, key := range map[string]string{
		"missing":   "",
		"malformed": "nonsense",
		"unknown":   "kp_live_unknown",
		"revoked":   revokedKey,
		"too long":  strings.Repeat("k", maxKeyLength+1),
	} {
		t.Run(name, func(t *testing.T) {
			a := at.call("GET", "/api/things/A", "", headerAPIKey, key)
			at.wantError(a, 401, "Invalid API key")
			if a.header.Get("X-RateLimit-Limit") != "1000" || a.header.Get("X-RateLimit-Remaining") == "" {
				t.Errorf("limit of failures: %v", a.header)
			}
			if line := at.log.last(t); line["merchant"] != nil || line["key"] != nil {
				t.Errorf("log line %v", line)
			}
		})
	}
}

func TestFailedAuthenticationsAreLimitedAndKnownKeysAreNot(t *testing.T) {
	at := open(t, func(o *Options) { o.AuthFailureLimit = "3-H" }, nil)
	for i := range 3 {
		at.wantError(at.call("GET", "/api/things/A", "", headerAPIKey, fmt.Sprint("guess", i)), 401, "Invalid API key")
	}
	for _, key := range []string{"guess3", ""} {
		a := at.call("GET", "/api/things/A", "", headerAPIKey, key)
		at.wantError(a, 429, "Too many requests")
		if a.header.Get("Retry-After") == "" || a.header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("headers %v", a.header)
		}
	}
	if a := at.get("/api/things/A"); a.status != 200 {
		t.Errorf("a known key on the same address: %d %q", a.status, a.text)
	}
	if a := at.call("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("a page on the same address: %d", a.status)
	}
}

func TestOutageOfTheAuthenticatorIsNoFailedAuthentication(t *testing.T) {
	at := open(t, func(o *Options) { o.AuthFailureLimit = "1-H" }, nil)
	for range 3 {
		at.wantError(at.call("GET", "/api/things/A", "", headerAPIKey, outageKey), 503, "The event store is away")
	}
	at.wantError(at.call("GET", "/api/things/A", "", headerAPIKey, "guess"), 401, "Invalid API key")
}

func TestCallerWithoutAKeyIDIsRefused(t *testing.T) {
	at := open(t, func(o *Options) { o.Auth = nobody{} }, nil)
	at.wantError(at.get("/api/things/A"), 500, "Something went wrong on our side")
}

// nobody forgets the key id.
type nobody struct{}

func (nobody) Authenticate(context.Context, string) (domain.Caller, error) {
	return domain.Caller{}, nil
}

// keeper keeps the keys that it was shown.
type keeper struct {
	mu   sync.Mutex
	kept []string
}

func (k *keeper) Authenticate(_ context.Context, key string) (domain.Caller, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, key)
	return domain.Caller{MerchantID: 1, KeyID: "key_1"}, nil
}

// fasthttp reuses the memory of a request for the next one on the connection.
func TestWhatIsKeptOfARequestDoesNotChangeLater(t *testing.T) {
	auth := &keeper{}
	var references, bodies []string
	at := open(t, func(o *Options) { o.Auth = auth }, func(s *Server) {
		s.API().Post("/kept/:reference", func(c *fiber.Ctx) error {
			references = append(references, c.Params("reference"), c.Get("Idempotency-Key"), c.Query("q"), RequestID(c))
			bodies = append(bodies, string(c.Body()))
			return nil
		})
	})
	for _, x := range []string{"AAAAAAAA", "BBBBBBBB", "CCCCCCCC"} {
		at.call("POST", "/api/kept/"+x+"?q="+x, `"`+x+`"`, headerAPIKey, x, "Idempotency-Key", x,
			"Content-Type", "application/json", "X-Request-ID", x)
	}
	a, b, c := "AAAAAAAA", "BBBBBBBB", "CCCCCCCC"
	if diff := cmp.Diff([]string{a, b, c}, auth.kept); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{a, a, a, a, b, b, b, b, c, c, c, c}, references); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{`"` + a + `"`, `"` + b + `"`, `"` + c + `"`}, bodies); diff != "" {
		t.Error(diff)
	}
}

func TestHandlersFindCallerAndRequest(t *testing.T) {
	at := open(t, nil, func(s *Server) {
		who := func(c *fiber.Ctx) error {
			caller, known := domain.CallerFrom(c.UserContext())
			request := domain.RequestFrom(c.UserContext())
			_, deadline := c.UserContext().Deadline()
			return c.SendString(fmt.Sprintln(caller.MerchantID, caller.KeyID, known, request, deadline, RequestID(c), ClientIP(c)))
		}
		s.API().Get("/who", who)
		s.Public().Get("/who", who)
	})
	id := []string{"X-Request-ID", "order-4711", headerAPIKey, goodKey}
	if a := at.call("GET", "/api/who", "", id...); a.text != "7 key_7 true {order-4711 127.0.0.1} true order-4711 127.0.0.1\n" {
		t.Errorf("below /api: %q", a.text)
	}
	if a := at.call("GET", "/who", "", id...); a.text != "0  false {order-4711 127.0.0.1} true order-4711 127.0.0.1\n" {
		t.Errorf("a page: %q", a.text)
	}
}

func TestStrangersCannotMakeCountersWithoutBound(t *testing.T) {
	seen := map[uint32]bool{}
	var ip [16]byte
	copy(ip[:], netip.MustParseAddr("2001:db8::").AsSlice())
	for i := range 4 * failureSlots {
		ip[4], ip[5], ip[6], ip[7] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		slot := failureSlot(netip.AddrFrom16(ip))
		if slot >= failureSlots {
			t.Fatalf("slot %d", slot)
		}
		seen[slot] = true
	}
	if len(seen) < failureSlots*9/10 {
		t.Errorf("only %d of %d slots are used: networks are not spread", len(seen), failureSlots)
	}
}

func TestOneNetworkIsOneStranger(t *testing.T) {
	slot := func(ip string) uint32 { return failureSlot(netip.MustParseAddr(ip)) }
	if slot("2001:db8:1:2::1") != slot("2001:db8:1:2:ffff::9") {
		t.Error("addresses of one /64 are counted apart")
	}
	if slot("2001:db8:1:2::1") == slot("2001:db8:1:3::1") {
		t.Error("two /64 are counted together")
	}
	if slot("192.0.2.1") == slot("192.0.2.2") {
		t.Error("two IPv4 addresses are counted together")
	}
	if slot("192.0.2.1") != slot("::ffff:192.0.2.1") {
		t.Error("an IPv4 address and its IPv6 form are counted apart")
	}
	failureSlot(netip.Addr{}) // a Unix socket has no address
}
