package chdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func BenchmarkStart(b *testing.B) {
	dir := shortDir(b)
	for b.Loop() {
		b.StopTimer()
		options := supervisorOptions(dir, &testLog{b})
		b.StartTimer()
		s, err := Start(within(b), options)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.WaitReady(within(b)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		rss, err := residentKiB(s.PID())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(rss)/1024, "MiB-resident")
		if err := s.Close(within(b)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// residentKiB is what of a process is in memory.
func residentKiB(pid int) (int, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strconv.Atoi(number)
}

func BenchmarkInsert(b *testing.B) {
	for _, rows := range []int{1, 100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			conn := engine(b)
			mustExec(b, conn, paymentsTable)
			insertPayments(b, conn, 0, 10)
			next := 10
			for b.Loop() {
				if err := sendPayments(b.Context(), conn, next, rows); err != nil {
					b.Fatal(err)
				}
				next += rows
			}
		})
	}
}

func BenchmarkPointLookup(b *testing.B) {
	const rows = 100_000
	conn := engine(b)
	mustExec(b, conn, paymentsTable)
	for from := 0; from < rows; from += 10_000 {
		insertPayments(b, conn, from, 10_000)
	}
	lookup := func(b *testing.B, i int) {
		var minor int64
		row := conn.QueryRow(b.Context(), "SELECT minor FROM payments FINAL WHERE reference = {r:String}",
			clickhouse.Named("r", "reference-"+strconv.Itoa(i%rows)))
		if err := row.Scan(&minor); err != nil || minor != int64(i%rows) {
			b.Errorf("%d: %d %v", i, minor, err)
		}
	}
	b.Run("one caller", func(b *testing.B) {
		i := 0
		for b.Loop() {
			lookup(b, i)
			i += 7919
		}
	})
	b.Run("eight callers", func(b *testing.B) {
		b.SetParallelism(4) // times two cores
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i += 7919 {
				lookup(b, i)
			}
		})
	})
}
