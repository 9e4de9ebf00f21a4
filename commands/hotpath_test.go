package commands_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/commands/mpesa"
	"github.com/benfex/kipay/commands/paystack"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// BenchmarkInitialize is the whole way of an initialize from body to durable event, without the network and the gate.
func BenchmarkInitialize(b *testing.B) {
	ctx := context.Background()
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	masters, err := eventstore.ParseMasterKeys("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		b.Fatal(err)
	}
	ring := eventstore.NewKeyring(store, masters, rand.Reader)
	log := eventstore.NewLog(store, eventstore.NewCodec(ring, eventstore.Catalogue()), time.Now, uuid.New)
	w, err := commands.New(ctx, commands.Options{
		Log: log, Ring: ring, Seen: eventstore.NewSeen(), Mpesa: mpesa.New(mpesa.Options{}), Paystack: paystack.New(paystack.Options{}),
		Random: rand.Reader, Logger: zerolog.Nop(), PublicURL: "http://127.0.0.1", CheckoutWindow: time.Hour, PushWindow: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	id, _, err := w.CreateMerchant(ctx, commands.NewMerchant{Name: "Bench", Email: "b@example.com"})
	if err != nil {
		b.Fatal(err)
	}
	if err := w.CreateChannelFor(ctx, id, []byte(`{"name":"c","provider":"paystack","config":{"public_key":"pk_test_xxxxxxxxxxxx","secret_key":"sk_test_xxxxxxxxxxxx"}}`)); err != nil {
		b.Fatal(err)
	}
	go func() { _ = w.Follow(b.Context()) }()
	app := fiber.New(fiber.Config{Immutable: true})
	app.Use(func(c *fiber.Ctx) error {
		c.SetUserContext(domain.WithRequest(domain.WithCaller(c.UserContext(), domain.Caller{MerchantID: id, KeyID: "k", Mode: domain.ModeTest}), domain.Request{ID: "bench", IP: "127.0.0.1"}))
		return c.Next()
	})
	w.RegisterAPI(app)
	handler := app.Handler()
	var n atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var c fasthttp.RequestCtx
		for pb.Next() {
			c.ResetUserValues()
			c.Request.Reset()
			c.Response.Reset()
			c.Request.Header.SetMethod("POST")
			c.Request.SetRequestURI("/transactions/initialize")
			c.Request.Header.SetContentType("application/json")
			c.Request.SetBodyString(fmt.Sprintf(`{"amount":1500,"email":"c%d@example.com","first_name":"Jane","last_name":"Doe","phone":"+254712345678","description":"Order 12345"}`, n.Add(1)%2000))
			handler(&c)
			if c.Response.StatusCode() != 201 {
				b.Errorf("%d %s", c.Response.StatusCode(), c.Response.Body())
				return
			}
		}
	})
}
