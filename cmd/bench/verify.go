package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

const (
	// verified is how many transactions of each kind are asked after in turn.
	verified = 200
	// paidWithin is how long the simulator may take to pay them.
	paidWithin = time.Minute
	verifyAim  = 0.5
)

// verify compares asking after a pending and after a completed transaction with the echo.
func (b *bench) verify(ctx context.Context) error {
	s, err := startServer(ctx, b.kipay, filepath.Join(b.dir, "verify"))
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	var pending, completed loadOrder
	if pending, err = verifyOrder(ctx, s, "/api/transactions/initialize", initializeBody); err != nil {
		return err
	}
	completed, err = verifyOrder(ctx, s, "/api/mpesa/stk-push", func(n int) string {
		return fmt.Sprintf(`{"amount":1000,"phone_number":"2547120%05d","payment_channel_id":1,"reference":"ORDER%d","description":"Services"}`, n, n)
	})
	if err != nil {
		return err
	}
	if err := waitPaid(ctx, s, completed); err != nil {
		return err
	}
	sides := []side{{"pending", s.child, pending}, {"completed", s.child, completed}, b.echoSide()}
	if err := b.warm(ctx, sides...); err != nil {
		return err
	}
	rounds, err := b.turns(ctx, sides...)
	if err != nil {
		return err
	}
	echo := rounds[2]
	for i, name := range []string{"a pending", "a completed"} {
		ratio := medianRatio(rounds[i], echo)
		failed, why := failures(rounds[i])
		server, _, generator := costOf(rounds[i])
		if failed > 0 {
			why = fmt.Sprintf("; %d requests failed, such as: %s", failed, why)
		}
		b.add(row{
			What: "verify of " + name + " transaction", Kipay: rateOf(rounds[i]), Against: rateOf(echo) + " echo", Ratio: ratio,
			Aim: "≥ 0.50", Met: ratio >= verifyAim && failed == 0,
			Note: fmt.Sprintf("processor per request: server %s, generator %s%s", server, generator, why),
		})
	}
	return nil
}

// verifyOrder opens transactions one after the other and answers the load that asks after them.
func verifyOrder(ctx context.Context, s *server, path string, body func(n int) string) (loadOrder, error) {
	o := loadOrder{Addr: s.addr, Connections: loadConnections, Expect: http.StatusOK}
	for n := range verified {
		status, text, err := s.do(ctx, http.MethodPost, path, body(n))
		if err != nil {
			return o, err
		}
		var answer struct {
			Transaction struct {
				Reference string `json:"reference"`
			} `json:"transaction"`
		}
		if err := json.Unmarshal(text, &answer); err != nil || answer.Transaction.Reference == "" {
			return o, fmt.Errorf("%s: status %d: %s", path, status, text)
		}
		o.Requests = append(o.Requests, ask(s.addr, s.key, "/api/transactions/verify/"+answer.Transaction.Reference))
	}
	return o, nil
}

// waitPaid waits until the simulator has paid every transaction of the order.
func waitPaid(ctx context.Context, s *server, o loadOrder) error {
	began := time.Now()
	for {
		status, text, err := s.get(ctx, "/api/transactions/list?status=completed&limit=1")
		if err != nil {
			return err
		}
		var answer struct {
			Total int `json:"total"`
		}
		if status == http.StatusOK && json.Unmarshal(text, &answer) == nil && answer.Total >= len(o.Requests) {
			return nil
		}
		if time.Since(began) > paidWithin {
			return fmt.Errorf("%d of %d pushes were paid within %s", answer.Total, len(o.Requests), paidWithin)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
