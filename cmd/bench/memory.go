package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

const (
	idleLimit = 400 << 20
	// flatWithin is how much of the memory at the beginning of the load may come on top at its end.
	flatWithin = 1.10
	// rest is how long a server is left alone before it counts as idle.
	rest = 5 * time.Second
)

// resident is the memory of a server and of its engine, in bytes.
type resident struct{ server, engine int64 }

func (r resident) sum() int64 { return r.server + r.engine }

func (r resident) String() string {
	return fmt.Sprintf("%d MB (server %d, engine %d)", r.sum()>>20, r.server>>20, r.engine>>20)
}

func (s *server) resident() (r resident, err error) {
	engine, err := s.engine()
	if err != nil {
		return r, err
	}
	if r.server, err = residentOf(s.pid()); err != nil {
		return r, err
	}
	r.engine, err = residentOf(engine)
	return r, err
}

// memory looks at what a server holds while nothing happens, and at whether that grows under load.
func (b *bench) memory(ctx context.Context) error {
	s, err := startServer(ctx, b.kipay, filepath.Join(b.dir, "memory"))
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	select {
	case <-time.After(rest):
	case <-ctx.Done():
		return ctx.Err()
	}
	idle, err := s.resident()
	if err != nil {
		return err
	}
	b.add(row{
		What: "resident memory, idle, with the engine", Kipay: fmt.Sprintf("%d MB", idle.sum()>>20), Aim: "< 400 MB", Met: idle.sum() < idleLimit,
		Note: idle.String(),
	})

	order := initializeOrder(s.addr, s.key)
	order.For = b.size.growth
	done, result := make(chan error, 1), loadResult{}
	go func() {
		var err error
		result, err = b.load.run(ctx, order)
		done <- err
	}()
	var samples []resident
	every := time.NewTicker(max(b.size.growth/100, 100*time.Millisecond))
	defer every.Stop()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			running = false
		case <-every.C:
			now, err := s.resident()
			if err != nil {
				return err
			}
			samples = append(samples, now)
		}
	}
	return b.growth(samples, result)
}

// growth adds the row of what came on top between the second fifth of the load and its last: the first fills caches.
func (b *bench) growth(samples []resident, load loadResult) error {
	const parts = 5
	if len(samples) < parts {
		return fmt.Errorf("%d samples of the memory are too few", len(samples))
	}
	fifth := len(samples) / parts
	mean := func(of []resident) (m resident) {
		for _, r := range of {
			m.server += r.server / int64(len(of))
			m.engine += r.engine / int64(len(of))
		}
		return m
	}
	early, late := mean(samples[fifth:2*fifth]), mean(samples[len(samples)-fifth:])
	peak := slices.MaxFunc(samples, func(a, b resident) int { return int(a.sum() - b.sum()) })
	ratio := float64(late.sum()) / float64(early.sum())
	b.add(row{
		What: fmt.Sprintf("resident memory under %s of initialize", b.size.growth), Kipay: fmt.Sprintf("%d MB", late.sum()>>20),
		Against: fmt.Sprintf("%d MB early on", early.sum()>>20), Ratio: ratio, Aim: "flat: ≤ 1.10", Met: ratio <= flatWithin,
		Note: fmt.Sprintf("second fifth of the time %s, last fifth %s, peak %s; %d requests, %d failed", early, late, peak, load.Answered, load.Failed),
	})
	return nil
}
