package main

import (
	"context"
	"fmt"
	"time"
)

const (
	startLimit = 2 * time.Second
	startTimes = 5
)

// starts times the start of a server, from its process to the first 200 of /readyz, with a short and with a long log, in
// turns.
func (b *bench) starts(ctx context.Context, small, large filled) error {
	var times [2][]float64
	var complete []float64
	for range startTimes {
		for i, f := range []filled{small, large} {
			s, err := startServer(ctx, b.kipay, f.dir)
			if err != nil {
				return err
			}
			times[i] = append(times[i], float64(s.startup))
			if i == 1 {
				complete = append(complete, float64(s.complete))
			}
			fmt.Fprintf(b.news, "  start with %d transactions: %s, lists after %s\n", f.transactions, round(s.startup), round(s.complete))
			if err := s.stop(); err != nil {
				return err
			}
		}
	}
	short, long := time.Duration(median(times[0])), time.Duration(median(times[1]))
	b.add(row{
		What: fmt.Sprintf("start with %s events in the log", thousands(large.transactions)), Kipay: seconds(long),
		Against: seconds(short) + " with " + thousands(small.transactions), Ratio: float64(long) / float64(short), Aim: "< 2 s", Met: long < startLimit,
		Note: fmt.Sprintf("process start to the first 200 of /readyz, median of %d starts; lists were answered after %s",
			startTimes, seconds(time.Duration(median(complete)))),
	})
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
