package transparency

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
	"github.com/benfex/kipay/eventstore/embedded"
)

// fill appends events of about a payment's size to the store.
func fill(b *testing.B, store eventstore.Store, events int) {
	b.Helper()
	const each, writers = 100, 8
	var group errgroup.Group
	for w := range writers {
		group.Go(func() error {
			for n := range events / each / writers {
				batch := make([]eventstore.NewEvent, each)
				for i := range batch {
					batch[i] = benchEvent()
				}
				if _, err := store.Append(b.Context(), fmt.Sprintf("transaction-KIPAY%03d%013d", w, n), eventstore.NoStream, batch...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func benchEvent() eventstore.NewEvent {
	data := make([]byte, 700)
	_, _ = rand.Read(data)
	return eventstore.NewEvent{ID: uuid.New(), Type: "TransactionInitialized", Data: data, Metadata: make([]byte, 200)}
}

// BenchmarkBuild builds the tree of a log on the disk.
func BenchmarkBuild(b *testing.B) {
	const events = 400_000
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	fill(b, store, events)
	for b.Loop() {
		tree, err := OpenTree(b.TempDir(), TreeOptions{})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- NewFollower(FollowerOptions{Store: store, Tree: tree}).Run(ctx) }()
		for tree.View().Size() < events {
			changed := tree.Changed()
			if tree.View().Size() < events {
				<-changed
			}
		}
		b.ReportMetric(events/time.Since(began).Seconds(), "events/s")
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		if err := tree.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkProofs makes proofs in a tree of ten million leaves, on the disk.
func BenchmarkProofs(b *testing.B) {
	const size = 10_000_000
	tree, err := OpenTree(b.TempDir(), TreeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	batch := make([]Leaf, 1000)
	for n := 0; n < size; n += len(batch) {
		for i := range batch {
			at := n + i + 1
			batch[i] = Leaf{Hash: tlog.Hash{byte(at), byte(at >> 8), byte(at >> 16), byte(at >> 24)}, Position: eventstore.Position(at)}
		}
		if err := tree.Append(batch, 0); err != nil {
			b.Fatal(err)
		}
	}
	if err := tree.Commit(); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d leaves in %v", size, time.Since(began))
	view := tree.View()
	runtime.GC()
	at := int64(0)
	next := func() int64 { at = (at + 7_654_321) % size; return at }
	b.Run("inclusion", func(b *testing.B) {
		for b.Loop() {
			leaf, found, err := view.Find(eventstore.Position(next() + 1))
			if err != nil || !found {
				b.Fatal(found, err)
			}
			if _, err := view.Inclusion(leaf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("consistency", func(b *testing.B) {
		for b.Loop() {
			if _, err := view.Consistency(next() + 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkAppendBeside compares appends while the tree is built with appends without, in turns: how many a second, and what one
// costs of the processor, which a busy neighbour moves less. The medians of the rounds' ratios.
func BenchmarkAppendBeside(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			for b.Loop() {
				var ratios, costs []float64
				for round := range 30 {
					var sides [2]appended
					for i := range sides {
						side := (i + round) % 2
						sides[side] = appendFor(b, writers, 700*time.Millisecond, side == 1)
					}
					ratios = append(ratios, sides[1].rate()/sides[0].rate())
					costs = append(costs, sides[1].cost()/sides[0].cost())
				}
				slices.Sort(ratios)
				slices.Sort(costs)
				b.ReportMetric(ratios[len(ratios)/2], "rate-ratio")
				b.ReportMetric(costs[len(costs)/2], "cpu-ratio")
				b.Logf("rates %.2f, costs %.2f", ratios, costs)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// appended is how many appends were made in how long, of the clock and of the processor.
type appended struct {
	count      int64
	clock, cpu time.Duration
}

func (a *appended) rate() float64 { return float64(a.count) / a.clock.Seconds() }
func (a *appended) cost() float64 { return float64(a.cpu.Microseconds()) / float64(a.count) }

// cpuTime is what this process has had of the processor.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// appendFor appends for so long to a new store, with or without somebody who builds its tree.
func appendFor(b *testing.B, writers int, d time.Duration, building bool) appended {
	b.Helper()
	dir := b.TempDir()
	store, err := embedded.Open(filepath.Join(dir, "events"), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tree, err := OpenTree(filepath.Join(dir, "tree"), TreeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	followed := make(chan error, 1)
	if building {
		go func() { followed <- NewFollower(FollowerOptions{Store: store, Tree: tree}).Run(ctx) }()
	} else {
		followed <- nil
	}
	var count atomic.Int64
	var group errgroup.Group
	event := benchEvent()
	before, began := cpuTime(b), time.Now()
	for range writers {
		group.Go(func() error {
			for time.Since(began) < d {
				e := event
				e.ID = uuid.New()
				if _, err := store.Append(ctx, "transaction-"+e.ID.String(), eventstore.NoStream, e); err != nil {
					return err
				}
				count.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	out := appended{count: count.Load(), clock: time.Since(began)}
	cancel()
	if err := <-followed; err != nil {
		b.Fatal(err)
	}
	out.cpu = cpuTime(b) - before
	if err := errors.Join(tree.Close(), store.Close(), os.RemoveAll(dir)); err != nil {
		b.Fatal(err)
	}
	return out
}
