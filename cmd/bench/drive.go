package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// driven is one side of a comparison over one stretch of load: what was answered, and what it cost.
type driven struct {
	loadResult
	// Server, Engine and Generator are the processor time that each process took for one answer.
	Server, Engine, Generator time.Duration
}

// String is for the diary on standard error.
func (d driven) String() string {
	text := fmt.Sprintf("%.0f/s, p50 %s, p99 %s, processor per answer: server %s", d.perSecond(), round(d.P50), round(d.P99), round(d.Server))
	if d.Engine > 0 {
		text += fmt.Sprintf(", engine %s", round(d.Engine))
	}
	text += fmt.Sprintf(", generator %s", round(d.Generator))
	if d.Failed > 0 {
		text += fmt.Sprintf("; %d FAILED, such as: %s", d.Failed, d.Failure)
	}
	return text
}

// round is a time with three digits or so.
func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d > 10*time.Millisecond:
		return d.Round(100 * time.Microsecond)
	default:
		return d.Round(100 * time.Nanosecond)
	}
}

// drive sends a load to a server's process and measures what it and its children, and the generator, use for it.
func (b *bench) drive(ctx context.Context, at *child, o loadOrder) (driven, error) {
	pids := []int{at.pid(), b.load.pid()}
	children, err := childrenOf(at.pid())
	if err != nil {
		return driven{}, err
	}
	pids = append(pids, children...)
	before, err := cpuOfAll(pids)
	if err != nil {
		return driven{}, err
	}
	d := driven{}
	if d.loadResult, err = b.load.run(ctx, o); err != nil {
		return d, err
	}
	after, err := cpuOfAll(pids)
	if err != nil {
		return d, err
	}
	if d.Answered > 0 {
		n := time.Duration(d.Answered)
		d.Server, d.Generator = (after[0]-before[0])/n, (after[1]-before[1])/n
		for i := 2; i < len(pids); i++ {
			d.Engine += (after[i] - before[i]) / n
		}
	}
	return d, nil
}

func cpuOfAll(pids []int) ([]time.Duration, error) {
	out := make([]time.Duration, len(pids))
	for i, pid := range pids {
		var err error
		if out[i], err = cpuOf(pid); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// side is one of two that take turns.
type side struct {
	name  string
	at    *child
	order loadOrder
}

// turns has the sides take turns, so that all meet the same neighbours, and answers every round of each.
func (b *bench) turns(ctx context.Context, sides ...side) ([][]driven, error) {
	rounds := make([][]driven, len(sides))
	for n := range b.size.rounds {
		for i, s := range sides {
			s.order.For = b.size.round
			d, err := b.drive(ctx, s.at, s.order)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(b.news, "  round %d, %-12s %s\n", n+1, s.name+":", d)
			rounds[i] = append(rounds[i], d)
		}
	}
	return rounds, nil
}

// warm sends each side its load for a while that is not counted.
func (b *bench) warm(ctx context.Context, sides ...side) error {
	for _, s := range sides {
		s.order.For = b.size.warmUp
		if _, err := b.load.run(ctx, s.order); err != nil {
			return fmt.Errorf("warm %s up: %w", s.name, err)
		}
	}
	return nil
}

// medianRatio is the median of the rounds' ratios.
func medianRatio(a, c []driven) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i].perSecond() / c[i].perSecond()
	}
	return median(ratios)
}

// medianOf is the median of what the rounds have of something.
func medianOf(rounds []driven, of func(driven) float64) float64 {
	values := make([]float64, len(rounds))
	for i, d := range rounds {
		values[i] = of(d)
	}
	return median(values)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	default:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
}

// rateOf is what the table shows of a side: the median of its rounds.
func rateOf(rounds []driven) string {
	return perSecond(medianOf(rounds, func(d driven) float64 { return d.perSecond() }))
}

// costOf says what one answer took of the processor, in the median round.
func costOf(rounds []driven) (server, engine, generator time.Duration) {
	of := func(pick func(driven) time.Duration) time.Duration {
		return round(time.Duration(medianOf(rounds, func(d driven) float64 { return float64(pick(d)) })))
	}
	return of(func(d driven) time.Duration { return d.Server }), of(func(d driven) time.Duration { return d.Engine }),
		of(func(d driven) time.Duration { return d.Generator })
}

// failures counts the requests that failed in all rounds of all sides.
func failures(sides ...[]driven) (n int, why string) {
	for _, rounds := range sides {
		for _, d := range rounds {
			n += d.Failed
			if d.Failure != "" {
				why = d.Failure
			}
		}
	}
	return n, why
}
