package web

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

func TestForwardedAddressIsBelievedOnlyFromTrustedProxies(t *testing.T) {
	networks := func(texts ...string) (out []netip.Prefix) {
		for _, text := range texts {
			out = append(out, netip.MustParsePrefix(text))
		}
		return out
	}
	proxies := networks("10.0.0.0/8", "127.0.0.0/8", "fd00::/8")
	for _, tc := range []struct {
		name, peer string
		proxies    []netip.Prefix
		forwarded  []string
		want       string
	}{
		{"nobody in between", "203.0.113.9", proxies, nil, "203.0.113.9"},
		{"a stranger's header", "203.0.113.9", proxies, []string{"198.51.100.1"}, "203.0.113.9"},
		{"no proxies trusted", "10.0.0.1", nil, []string{"198.51.100.1"}, "10.0.0.1"},
		{"one proxy", "10.0.0.1", proxies, []string{"198.51.100.1"}, "198.51.100.1"},
		{"the client made up the left part", "10.0.0.1", proxies, []string{"1.1.1.1, 10.9.9.9, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1", proxies, []string{"1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"two lines", "10.0.0.1", proxies, []string{"1.1.1.1", "198.51.100.1,10.0.0.2"}, "198.51.100.1"},
		{"the second line is the proxies' alone", "10.0.0.1", proxies, []string{"1.1.1.1, 198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"all trusted", "10.0.0.1", proxies, []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no header", "10.0.0.1", proxies, nil, "10.0.0.1"},
		{"empty header", "10.0.0.1", proxies, []string{""}, "10.0.0.1"},
		{"garbage ends the chain", "10.0.0.1", proxies, []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"only garbage", "10.0.0.1", proxies, []string{"<script>"}, "10.0.0.1"},
		{"with a port", "10.0.0.1", proxies, []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"IPv6", "10.0.0.1", proxies, []string{"2001:db8::1, fd00::2"}, "2001:db8::1"},
		{"IPv6 with a port", "fd00::1", proxies, []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"IPv4 in IPv6", "::ffff:10.0.0.1", proxies, []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := New(Options{Auth: keyring{}, TrustedProxies: tc.proxies})
			if err != nil {
				t.Fatal(err)
			}
			var ctx fasthttp.RequestCtx
			ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.ParseIP(tc.peer), Port: 1}, nil)
			for _, line := range tc.forwarded {
				ctx.Request.Header.Add("X-Forwarded-For", line)
			}
			if got := ipText(s.clientIP(&ctx)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestSpoofedAddressEscapesNoLimit(t *testing.T) {
	at := open(t, func(o *Options) { o.AuthFailureLimit = "2-H" }, nil)
	for i, want := range []int{401, 401, 429} {
		a := at.call("GET", "/api/things/A", "", "X-Forwarded-For", netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())
		if a.status != want {
			t.Errorf("call %d: %d, want %d", i, a.status, want)
		}
	}
}

func TestClientOnAUnixSocketHasNoAddress(t *testing.T) {
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, &net.UnixAddr{Name: "@"}, nil)
	if ip := peerIP(&ctx); ip.IsValid() || ipText(ip) != "" || networkOf(ip).IsValid() {
		t.Errorf("got %v", ip)
	}
}

func TestOnlyAllowedNetworksPassTheDoor(t *testing.T) {
	at := open(t, func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} },
		func(s *Server) {
			ok := func(c *fiber.Ctx) error { return c.SendString("ok") }
			s.Public().Post("/daraja", AllowNetworks([]netip.Prefix{netip.MustParsePrefix("196.201.212.0/24")}), ok)
			s.Public().Post("/anyone", AllowNetworks(nil), ok)
		})
	if a := at.call("POST", "/daraja", "", "X-Forwarded-For", "196.201.212.69"); a.status != 200 {
		t.Errorf("an allowed address: %d", a.status)
	}
	at.wantError(at.call("POST", "/daraja", "", "X-Forwarded-For", "196.201.212.69, 198.51.100.1"), 403,
		"Calls from this address are not accepted here")
	if a := at.call("POST", "/anyone", "", "X-Forwarded-For", "198.51.100.1"); a.status != 200 {
		t.Errorf("without a list: %d", a.status)
	}
}
