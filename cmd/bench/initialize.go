package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// The load of the initialize row. The customers come round again and again, as a merchant's do: each is created once,
// in the warm-up.
const (
	loadConnections = 64
	loadCustomers   = 2000
)

// initializeBody is the request of the API reference, by the customer of that number.
func initializeBody(customer int) string {
	return fmt.Sprintf(`{"amount":10000,"email":"customer%04d@example.com","payment_channel_id":1,"description":"Payment for Order #12345",`+
		`"currency":"KSH","first_name":"John","last_name":"Doe","phone":"+254712345678"}`, customer)
}

// initializeOrder has every customer open payments in turn.
func initializeOrder(addr, key string, d time.Duration) loadOrder {
	o := loadOrder{Addr: addr, Connections: loadConnections, For: d, Expect: http.StatusCreated}
	for n := range loadCustomers {
		o.Requests = append(o.Requests, post(addr, key, "/api/transactions/initialize", initializeBody(n)))
	}
	return o
}

// initialize compares durable initializes over HTTP with the echo, and looks at how far the projection lags meanwhile.
func (b *bench) initialize(ctx context.Context) error {
	s, err := startServer(ctx, b.kipay, filepath.Join(b.dir, "initialize"))
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	ours := side{"initialize", s.child, initializeOrder(s.addr, s.key, b.size.warmUp)}
	echo := side{"echo", b.echo.child, initializeOrder(b.echo.addr, s.key, b.size.warmUp)}
	for _, warm := range []side{ours, echo} {
		if _, err := b.load.run(ctx, warm.order); err != nil {
			return err
		}
	}
	before, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	a, c, err := b.duel(ctx, ours, echo)
	if err != nil {
		return err
	}
	after, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	var engine time.Duration
	for _, d := range a {
		engine += d.Engine * time.Duration(d.Answered)
	}
	const batches = "kipay_projection_batch_events_count"
	if n := after[batches] - before[batches]; n > 0 {
		fmt.Fprintf(b.news, "  %.0f batches of the projection, %s of the engine's processor each\n", n, round(engine/time.Duration(n)))
	}
	failed, why := failures(append(a, c...))
	if failed > 0 {
		fmt.Fprintf(b.news, "  failed requests: %d, such as: %s\n", failed, why)
	}
	ratio := medianRatio(a, c)
	b.add(row{
		What:    fmt.Sprintf("durable initialize over HTTP, %d connections", loadConnections),
		Kipay:   perSecond(medianOf(a, func(d driven) float64 { return d.perSecond() })),
		Against: perSecond(medianOf(c, func(d driven) float64 { return d.perSecond() })) + " echo",
		Ratio:   ratio, Aim: "≥ 0.20 (aim 0.30)", Met: ratio >= 0.20, Missed: ratio < 0.30,
		Note: fmt.Sprintf("processor per request: server %s, engine %s; echo %s; generator %s and %s",
			round(time.Duration(medianOf(a, func(d driven) float64 { return float64(d.Server) }))),
			round(time.Duration(medianOf(a, func(d driven) float64 { return float64(d.Engine) }))),
			round(time.Duration(medianOf(c, func(d driven) float64 { return float64(d.Server) }))),
			round(time.Duration(medianOf(a, func(d driven) float64 { return float64(d.Generator) }))),
			round(time.Duration(medianOf(c, func(d driven) float64 { return float64(d.Generator) })))),
	})
	b.add(row{
		What: "failed requests meanwhile", Kipay: fmt.Sprint(failed), Aim: "0", Met: failed == 0,
	})
	return b.lag(before, after)
}
