package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/benfex/kipay/eventstore"
)

// BenchmarkAppend compares acknowledged appends with raw Pebble's synced commits, in the same run.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			for b.Loop() {
				store, raw, err := CompareWithRaw(context.Background(), b.TempDir(), writers, 4*time.Second)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(store, "appends/s")
				b.ReportMetric(raw, "raw-commits/s")
				b.ReportMetric(store/raw, "ratio")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkOpen opens a folder with a million events in the log, the newest of them not flushed.
func BenchmarkOpen(b *testing.B) {
	const events, each = 1_000_000, 100
	dir := b.TempDir()
	s := open(b, dir, Options{})
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			for range events / each / 8 {
				id := uuid.New()
				batch := make([]eventstore.NewEvent, each)
				for i := range batch {
					batch[i] = benchEvent(uuid.New())
				}
				if _, err := s.Append(context.Background(), benchStream(id), eventstore.NoStream, batch...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	killed := filepath.Join(b.TempDir(), "killed")
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil { // as a kill would leave it
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		s, err := Open(killed, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if i == 0 {
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-after-kill")
		}
		if head := s.ring.Head(); head != events {
			b.Fatalf("head is %d", head)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
