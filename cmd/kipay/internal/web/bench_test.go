package web

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/ulule/limiter/v3"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/domain"
)

// oneCaller lets everyone in as the same merchant.
type oneCaller struct{}

func (oneCaller) Authenticate(context.Context, string) (domain.Caller, error) {
	return domain.Caller{MerchantID: 7, KeyID: "key_7", Mode: domain.ModeTest, TimeZone: "Africa/Nairobi"}, nil
}

// BenchmarkOverhead compares an echo handler on bare Fiber with the same behind everything that this package does,
// without a network. The difference is what a request costs here.
func BenchmarkOverhead(b *testing.B) {
	echo := func(c *fiber.Ctx) error { return c.Send(c.Body()) }
	bare := func(immutable bool) fasthttp.RequestHandler {
		app := fiber.New(fiber.Config{Immutable: immutable, DisableStartupMessage: true})
		app.Post("/api/echo/:reference", echo)
		return app.Handler()
	}
	s, err := New(Options{
		Auth: oneCaller{}, Log: zerolog.New(io.Discard), Metrics: prometheus.NewRegistry(), RateLimit: "1000000000-H",
	})
	if err != nil {
		b.Fatal(err)
	}
	s.API().Post("/echo/:reference", echo)
	s.App().Handler() // builds the routes
	for _, bench := range []struct {
		name    string
		handler fasthttp.RequestHandler
	}{
		{"bare", bare(false)},
		{"bare immutable", bare(true)},
		{"full", s.App().Server().Handler},
	} {
		for _, parallel := range []bool{false, true} {
			name := bench.name
			if parallel {
				name += " parallel"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				if !parallel {
					ctx := echoRequest()
					for b.Loop() {
						bench.handler(ctx)
						ctx.Response.Reset()
						ctx.ResetUserValues()
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					ctx := echoRequest()
					for pb.Next() {
						bench.handler(ctx)
						ctx.Response.Reset()
						ctx.ResetUserValues()
					}
				})
			})
		}
	}
}

func echoRequest() *fasthttp.RequestCtx {
	ctx := &fasthttp.RequestCtx{}
	var req fasthttp.Request
	req.Header.SetMethod(fiber.MethodPost)
	req.SetRequestURI("/api/echo/KIPAY0123456789ABCDEF")
	req.Header.SetContentType(fiber.MIMEApplicationJSON)
	req.Header.Set("X-API-Key", "kp_test_0123456789abcdef0123456789abcdef")
	req.SetBodyString(`{"amount":10000,"email":"jane@example.com","payment_channel_id":1}`)
	ctx.Init(&req, &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 4711}, nil)
	return ctx
}

// BenchmarkRateLimit is ulule's memory store by itself: every core on one key, the worst case.
func BenchmarkRateLimit(b *testing.B) {
	store := newRateStore(nil, zerolog.Nop(), nil, nil)
	rate, err := limiter.NewRateFromFormatted("1000000000-H")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := store.Get(context.Background(), "key_7", rate); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkFailureSlot is what finding the counter of a stranger's network costs.
func BenchmarkFailureSlot(b *testing.B) {
	ip := netip.MustParseAddr("2001:db8::1")
	for b.Loop() {
		failureSlot(ip)
	}
}
