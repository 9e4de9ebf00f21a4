package esdb

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// BenchmarkAppend compares acknowledged appends over the wire with those of the embedded engine, in the same run.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			for b.Loop() {
				remote, local, err := CompareWithEmbedded(context.Background(), b.TempDir(), writers, 4*time.Second)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(remote, "appends/s")
				b.ReportMetric(local, "embedded-appends/s")
				b.ReportMetric(remote/local, "ratio")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkCatchUp subscribes to a log of events of 1 kB from its start.
func BenchmarkCatchUp(b *testing.B) {
	for b.Loop() {
		perSecond, err := MeasureCatchUp(context.Background(), b.TempDir(), 200_000)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(perSecond, "events/s")
	}
	b.ReportMetric(0, "ns/op")
}
