package web

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// BenchmarkSocket is requests over keep-alive connections, with the clients on the same cores: what counts is the
// difference between bare Fiber and everything that this package does.
func BenchmarkSocket(b *testing.B) {
	echo := func(c *fiber.Ctx) error { return c.Send(c.Body()) }
	b.Run("bare", func(b *testing.B) {
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		app.Post("/api/echo/:reference", echo)
		ln := listenLocal(b)
		go func() { _ = app.Listener(ln) }()
		load(b, ln.Addr().String())
		_ = app.Shutdown()
	})
	b.Run("full", func(b *testing.B) {
		s, err := New(Options{
			Auth: oneCaller{}, Log: zerolog.New(io.Discard), Metrics: prometheus.NewRegistry(), RateLimit: "1000000000-H",
		})
		if err != nil {
			b.Fatal(err)
		}
		s.API().Post("/echo/:reference", echo)
		ln := listenLocal(b)
		go func() { _ = s.Listen(context.Background(), ln) }()
		load(b, ln.Addr().String())
		_ = s.Shutdown(context.Background())
	})
}

func listenLocal(b *testing.B) net.Listener {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return ln
}

// load sends requests over 32 connections for each core, and reads just the length of the answers.
func load(b *testing.B, addr string) {
	b.Helper()
	const request = "POST /api/echo/KIPAY0123456789ABCDEF HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"X-API-Key: kp_test_0123456789abcdef0123456789abcdef\r\nContent-Length: 66\r\n\r\n" +
		`{"amount":10000,"email":"jane@example.com","payment_channel_id":1}`
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		r := bufio.NewReader(conn)
		for pb.Next() {
			if _, err := io.WriteString(conn, request); err != nil {
				b.Error(err)
				return
			}
			for first := true; ; first = false {
				line, err := r.ReadString('\n')
				if err != nil || first && !strings.Contains(line, " 200 ") {
					b.Error(line, err)
					return
				}
				if line == "\r\n" {
					break
				}
			}
			if _, err := r.Discard(66); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}
