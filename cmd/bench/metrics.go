package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

// lagMetric is the histogram of the time from the recording of an event until reads see it: every event, by the
// server's own clock.
const lagMetric = "kipay_projection_lag_seconds"

// metrics are the server's, by name and labels as they are written.
func (s *server) metrics(ctx context.Context) (map[string]float64, error) {
	status, body, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("read the metrics: status %d", status)
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		if value, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			out[line[:at]] = value
		}
	}
	return out, nil
}

// bucket is how many events lagged no longer than the bound.
type bucket struct{ bound, count float64 }

// lagBetween is the histogram of what happened between two readings.
func lagBetween(before, after map[string]float64) []bucket {
	var out []bucket
	prefix := lagMetric + `_bucket{le="`
	for name, count := range after {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		bound, err := strconv.ParseFloat(strings.TrimSuffix(rest, `"}`), 64)
		if err != nil {
			bound = math.Inf(1)
		}
		out = append(out, bucket{bound, count - before[name]})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].bound < out[j].bound })
	return out
}

// quantileOf is a quantile of a histogram, interpolated within its bucket.
func quantileOf(buckets []bucket, q float64) time.Duration {
	if len(buckets) == 0 {
		return 0
	}
	rank := q * buckets[len(buckets)-1].count
	var below bucket
	for _, b := range buckets {
		if b.count >= rank && b.count > below.count {
			if math.IsInf(b.bound, 1) {
				return time.Duration(below.bound * float64(time.Second))
			}
			share := (rank - below.count) / (b.count - below.count)
			return time.Duration((below.bound + share*(b.bound-below.bound)) * float64(time.Second))
		}
		below = b
	}
	return 0
}

// lagLimit is what the projection may lag, and a bound of the histogram, so that nothing is interpolated there.
const lagLimit = 100 * time.Millisecond

// lag adds the row of the projection's lag between two readings.
func (b *bench) lag(before, after map[string]float64) error {
	buckets := lagBetween(before, after)
	if len(buckets) == 0 || buckets[len(buckets)-1].count == 0 {
		return fmt.Errorf("no event was projected: %s is empty", lagMetric)
	}
	within := 0.0
	for _, k := range buckets {
		if k.bound <= lagLimit.Seconds() {
			within = k.count / buckets[len(buckets)-1].count
		}
	}
	p50, p99 := quantileOf(buckets, .5), quantileOf(buckets, .99)
	b.add(row{
		What: "projection lag meanwhile, p50 / p99", Kipay: fmt.Sprintf("%d / %d ms", p50.Milliseconds(), p99.Milliseconds()),
		Aim: "p99 < 100 ms", Met: within >= .99,
		Note: fmt.Sprintf("%.0f events, %.2f %% of them within %s", buckets[len(buckets)-1].count, 100*within, lagLimit),
	})
	return nil
}
