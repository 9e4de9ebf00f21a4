package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// listConnections ask for lists at the same time. One: what is measured is a list, not a queue for two cores.
	listConnections = 1
	listLimit       = 20 * time.Millisecond
	listGrowth      = 2
	// settleWithin is how long a server may be busy with what it finds at its start.
	settleWithin = 3 * time.Minute
)

// filled is a folder with so many transactions, whose read models are built.
type filled struct {
	transactions int
	dir          string
}

// lists times the newest 20 of few and of many transactions, in turns, and on the way what it takes to build the read
// models and to start with a long log.
func (b *bench) lists(ctx context.Context) error {
	sizes := []int{b.size.small, b.size.large}
	if b.size.huge > 0 {
		sizes = append(sizes, b.size.huge)
	}
	var folders []filled
	for i, n := range sizes {
		f := filled{n, filepath.Join(b.dir, "list-"+strconv.Itoa(n))}
		if err := b.fill(ctx, f.dir, n); err != nil {
			return err
		}
		if err := b.rebuild(ctx, f, i == 1); err != nil {
			return err
		}
		folders = append(folders, f)
	}
	if err := b.starts(ctx, folders[0], folders[1]); err != nil {
		return err
	}
	var results [][]driven
	var servers []*server
	defer func() {
		for _, s := range servers {
			_ = s.stop()
		}
	}()
	for _, f := range folders {
		s, err := startServer(ctx, b.kipay, f.dir)
		if err != nil {
			return err
		}
		servers, results = append(servers, s), append(results, nil)
		if err := settle(ctx, s); err != nil {
			return err
		}
	}
	for range b.size.rounds {
		for i, s := range servers {
			r, err := b.drive(ctx, s.child, listOrder(s, b.size.round))
			if err != nil {
				return err
			}
			fmt.Fprintf(b.news, "  newest 20 of %d: %s\n", sizes[i], r)
			results[i] = append(results[i], r)
		}
	}
	for i := range folders {
		b.addList(sizes, results, i)
	}
	if err := b.past(ctx, sizes[1], servers[1]); err != nil {
		return err
	}
	return b.reports(ctx, sizes, servers)
}

// past times the newest 20 as of a moment, the last one that there is, beside the newest 20 as they are now.
func (b *bench) past(ctx context.Context, size int, s *server) error {
	then := listOrder(s, b.size.round)
	then.Requests = [][]byte{ask(s.addr, s.key, "/api/transactions/list?as_of=9999999999")}
	rounds, err := b.turns(ctx, side{"now", s.child, listOrder(s, b.size.round)}, side{"as of", s.child, then})
	if err != nil {
		return err
	}
	p50 := func(rounds []driven) float64 {
		return medianOf(rounds, func(d driven) float64 { return milliseconds(d.P50) })
	}
	failed, why := failures(rounds...)
	server, engine, _ := costOf(rounds[1])
	line := row{
		What:  fmt.Sprintf("list the newest 20 of %s transactions as of a moment, p50", thousands(size)),
		Kipay: fmt.Sprintf("%.1f ms", p50(rounds[1])), Against: fmt.Sprintf("%.1f ms as of now", p50(rounds[0])),
		Ratio: p50(rounds[1]) / p50(rounds[0]), Note: fmt.Sprintf("processor per list: server %s, engine %s", server, engine),
	}
	if failed > 0 {
		line.Note += fmt.Sprintf("; %d requests failed, such as: %s", failed, why)
	}
	b.add(line)
	return nil
}

// listOrder asks for the newest 20 as fast as they come.
func listOrder(s *server, d time.Duration) loadOrder {
	return loadOrder{
		Addr: s.addr, Connections: listConnections, For: d, Expect: http.StatusOK,
		Requests: [][]byte{ask(s.addr, s.key, "/api/transactions/list")},
	}
}

// addList adds the row of one size, compared with the smallest.
func (b *bench) addList(sizes []int, results [][]driven, i int) {
	of := func(rounds []driven, pick func(driven) time.Duration) time.Duration {
		return time.Duration(medianOf(rounds, func(d driven) float64 { return float64(pick(d)) }))
	}
	p50 := func(d driven) time.Duration { return d.P50 }
	p99 := func(d driven) time.Duration { return d.P99 }
	ours, smallest := of(results[i], p99), of(results[0], p99)
	failed, why := failures(results[i])
	server, engine, _ := costOf(results[i])
	line := row{
		What:  fmt.Sprintf("list the newest 20 of %s transactions, p50 / p99", thousands(sizes[i])),
		Kipay: fmt.Sprintf("%.1f / %.1f ms", milliseconds(of(results[i], p50)), milliseconds(ours)),
		Aim:   "p99 ≤ 20 ms", Met: ours <= listLimit && failed == 0,
		Note: fmt.Sprintf("processor per list: server %s, engine %s", server, engine),
	}
	if i > 0 {
		line.Ratio = float64(ours) / float64(smallest)
		line.Against = fmt.Sprintf("%.1f ms p99 of %s", milliseconds(smallest), thousands(sizes[0]))
		line.Aim, line.Met = "p99 ≤ 20 ms and ≤ 2x", line.Met && line.Ratio <= listGrowth
	}
	if failed > 0 {
		line.Note += fmt.Sprintf("; %d requests failed, such as: %s", failed, why)
	}
	b.add(line)
}

// settle waits until a server has done what it found to do at its start, such as reading on where its reactors were.
func settle(ctx context.Context, s *server) error {
	const window, quiet = time.Second, 60 * time.Millisecond
	began := time.Now()
	before, err := cpuOf(s.pid())
	for err == nil && time.Since(began) < settleWithin {
		select {
		case <-time.After(window):
		case <-ctx.Done():
			return ctx.Err()
		}
		var after time.Duration
		if after, err = cpuOf(s.pid()); after-before <= quiet {
			return err
		}
		before = after
	}
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// thousands is a number as people read it.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
