package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	reportLimit = 500 * time.Millisecond
	// reportDays is a month by day, into which all of the filled transactions fall.
	reportDays = 31
)

// reports times the summary of a month by day over the transactions that the servers have, all of them opened in it.
func (b *bench) reports(ctx context.Context, sizes []int, servers []*server) error {
	for i, s := range servers {
		r, err := b.drive(ctx, s.child, reportOrder(s, b.size.round))
		if err != nil {
			return err
		}
		server, engine, _ := costOf([]driven{r})
		line := row{
			What:  fmt.Sprintf("report a month by day of %s transactions, p50 / p99", thousands(sizes[i])),
			Kipay: fmt.Sprintf("%.0f / %.0f ms", milliseconds(r.P50), milliseconds(r.P99)),
			Aim:   "p99 < 500 ms", Met: r.P99 < reportLimit && r.Failed == 0,
			Note: fmt.Sprintf("%d reports; processor per report: server %s, engine %s", r.Answered, server, engine),
		}
		if r.Failed > 0 {
			line.Note += fmt.Sprintf("; %d requests failed, such as: %s", r.Failed, r.Failure)
		}
		b.add(line)
	}
	return nil
}

// reportOrder asks for the report as fast as it comes.
func reportOrder(s *server, d time.Duration) loadOrder {
	now := time.Now().UTC()
	path := fmt.Sprintf("/api/reports/summary?date_from=%s&date_to=%s", now.AddDate(0, 0, 1-reportDays).Format(time.DateOnly), now.AddDate(0, 0, 1).Format(time.DateOnly))
	return loadOrder{
		Addr: s.addr, Connections: listConnections, For: d, Expect: http.StatusOK, Requests: [][]byte{ask(s.addr, s.key, path)},
	}
}
