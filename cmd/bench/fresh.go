package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// freshEvery is how often the list is asked while payments are opened at full speed: a few times a second, as a dashboard
// does, so that it measures the load and does not become it.
const freshEvery = 200 * time.Millisecond

// freshLimit bounds how late a list may show what was recorded before it was asked for.
const freshLimit = 100 * time.Millisecond

// fresh opens payments at full speed and, beside it, opens one more again and again and asks for the newest page at once:
// how long the answer takes that shows it. It is what the projection's lag is to a person.
func (b *bench) fresh(ctx context.Context, s *server, load side) error {
	load.order.For = b.size.round
	ended := make(chan error, 1)
	go func() {
		_, err := b.load.run(ctx, load.order)
		ended <- err
	}()
	var took []time.Duration
	missed, tick := 0, time.NewTicker(freshEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return err
			}
			slices.Sort(took)
			b.add(row{
				What:  "a list that shows what was just opened, meanwhile, p50 / p99",
				Kipay: fmt.Sprintf("%.0f / %.0f ms", milliseconds(quantile(took, .5)), milliseconds(quantile(took, .99))),
				Aim:   "never without it", Met: missed == 0,
				Note: fmt.Sprintf("%d lists, %d without it; at most %s of it is waiting for rows", len(took), missed, freshLimit),
			})
			return nil
		case <-tick.C:
		}
		shown, d, err := s.openAndList(ctx)
		if err != nil {
			return err
		}
		if took = append(took, d); !shown {
			missed++
		}
	}
}

// openAndList opens a payment, then tells whether the list has come as far, and how long it took. Others are opened while
// it is on its way, so that its newest page starts with that payment or a newer one.
func (s *server) openAndList(ctx context.Context) (shown bool, took time.Duration, err error) {
	type transaction struct {
		ID int64 `json:"id"`
	}
	status, body, err := s.do(ctx, http.MethodPost, "/api/transactions/initialize", initializeBody(0))
	if err != nil || status != http.StatusCreated {
		return false, 0, fmt.Errorf("open a payment: status %d, %w", status, err)
	}
	var opened struct {
		Transaction transaction `json:"transaction"`
	}
	if err := json.Unmarshal(body, &opened); err != nil {
		return false, 0, err
	}
	began := time.Now()
	status, body, err = s.get(ctx, "/api/transactions/list")
	took = time.Since(began)
	if err != nil || status != http.StatusOK {
		return false, took, fmt.Errorf("list: status %d %s, %w", status, body, err)
	}
	var page struct {
		Data []transaction `json:"data"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return false, took, err
	}
	return len(page.Data) > 0 && page.Data[0].ID >= opened.Transaction.ID, took, nil
}
