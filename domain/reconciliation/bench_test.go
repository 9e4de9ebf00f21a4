package reconciliation_test

import (
	"runtime"
	"testing"

	. "github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

// BenchmarkMatchAMillion matches 10^6 lines with 10^6 payments, faults included, and tells the heap that the matcher takes.
func BenchmarkMatchAMillion(b *testing.B) {
	month := faults.Make(faults.Usual(1, 990_000, 400))
	b.ReportAllocs()
	for b.Loop() {
		before := heap()
		m := matcherOf(b, &month)
		given := heap()
		results := 0
		totals, err := m.Match(func(Result) error { results++; return nil })
		if err != nil || totals.Lines < 1_000_000 || results < totals.Lines {
			b.Fatal(totals, err)
		}
		after := heap()
		b.ReportMetric(float64(given-before)/(1<<20), "MiB-given")
		b.ReportMetric(float64(after-before)/(1<<20), "MiB-matched")
		runtime.KeepAlive(m)
	}
	b.ReportMetric(float64(len(month.Lines)), "lines")
	b.ReportMetric(float64(len(month.Payments)), "payments")
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
