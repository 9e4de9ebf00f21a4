package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// The load of the initialize rows. The customers come round again and again, as a merchant's do: each is created once,
// in the warm-up.
const (
	loadConnections = 64
	loadCustomers   = 2000
)

// What is required of initialize, and what is aimed at beyond it.
const (
	initializeLeast = 0.20
	initializeAim   = 0.30
)

// initializeBody is the request of the API reference, by the customer of that number.
func initializeBody(customer int) string {
	return fmt.Sprintf(`{"amount":10000,"email":"customer%04d@example.com","payment_channel_id":1,"description":"Payment for Order #12345",`+
		`"currency":"KSH","first_name":"John","last_name":"Doe","phone":"+254712345678"}`, customer)
}

// initializeOrder has every customer open payments in turn.
func initializeOrder(addr, key string) loadOrder {
	o := loadOrder{Addr: addr, Connections: loadConnections, Expect: http.StatusCreated}
	for n := range loadCustomers {
		o.Requests = append(o.Requests, post(addr, key, "/api/transactions/initialize", initializeBody(n)))
	}
	return o
}

// echoSide is the yardstick under the load of initialize.
func (b *bench) echoSide() side {
	return side{"echo", b.echo.child, initializeOrder(b.echo.addr, "kp_test_0123456789abcdef0123456789abcdef0123456789abcdef")}
}

// initialize compares durable initializes over HTTP with the echo, and looks at how far the projection lags meanwhile.
func (b *bench) initialize(ctx context.Context) error {
	s, err := startServer(ctx, b.kipay, filepath.Join(b.dir, "initialize"))
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	ours, echo := side{"initialize", s.child, initializeOrder(s.addr, s.key)}, b.echoSide()
	if err := b.warm(ctx, ours, echo); err != nil {
		return err
	}
	before, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	rounds, err := b.turns(ctx, ours, echo)
	if err != nil {
		return err
	}
	after, err := s.metrics(ctx)
	if err != nil {
		return err
	}
	a, c := rounds[0], rounds[1]
	server, engine, generator := costOf(a)
	yardstick, _, beside := costOf(c)
	ratio := medianRatio(a, c)
	b.add(row{
		What: fmt.Sprintf("durable initialize over HTTP, %d connections", loadConnections), Kipay: rateOf(a), Against: rateOf(c) + " echo",
		Ratio: ratio, Aim: "≥ 0.20, aim 0.30", Met: ratio >= initializeLeast, Missed: ratio < initializeAim,
		Note: fmt.Sprintf("processor per request: server %s, engine %s, generator %s; echo %s, generator %s; %s",
			server, engine, generator, yardstick, beside, batchesBetween(before, after, a)),
	})
	all, theirs := server+engine+generator, yardstick+beside
	b.add(row{
		What: "  the same by processor time per request", Kipay: round(all).String(), Against: round(theirs).String() + " echo",
		Ratio: float64(theirs) / float64(all), Note: "server, engine and generator together; neighbours disturb it less than rates",
	})
	failed, why := failures(a, c)
	b.add(row{What: "requests that failed meanwhile", Kipay: fmt.Sprint(failed), Aim: "0", Met: failed == 0, Note: why})
	if err := b.lag(before, after); err != nil {
		return err
	}
	return b.fresh(ctx, s, ours)
}

// batchesBetween says what the projection's batches cost the engine.
func batchesBetween(before, after map[string]float64, rounds []driven) string {
	const name = "kipay_projection_batch_events_count"
	var engine, took time.Duration
	for _, d := range rounds {
		engine += d.Engine * time.Duration(d.Answered)
		took += d.Took
	}
	n := after[name] - before[name]
	if n <= 0 {
		return "no batches"
	}
	return fmt.Sprintf("%.1f batches of the projection a second, %s of the engine's processor each",
		n/took.Seconds(), round(time.Duration(float64(engine)/n)))
}
