package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"
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
