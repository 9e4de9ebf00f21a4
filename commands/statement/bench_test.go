package statement_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

// BenchmarkReadAMillion reads a CSV of 10^6 lines.
func BenchmarkReadAMillion(b *testing.B) {
	in := million(1_000_000)
	file := make([]byte, in.Size)
	if _, err := in.ReadAt(file, 0); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(in.Size)
	b.ReportAllocs()
	for b.Loop() {
		_, s, err := statement.Inspect(context.Background(), statement.Input{ReaderAt: bytes.NewReader(file), Size: in.Size}, statement.Options{Format: statement.MpesaCSV})
		if err != nil || s.Lines != 1_000_000 {
			b.Fatal(s, err)
		}
	}
}

// BenchmarkReconcileAMillion is the whole of it: a CSV of 10^6 lines is read and matched with 10^6 payments.
func BenchmarkReconcileAMillion(b *testing.B) {
	month := faults.Make(faults.Usual(1, 990_000, 400))
	file := csvOf(b, &month)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		results, totals := reconcile(b, &month, input(file))
		if len(results) < 1_000_000 || totals.Check() != nil {
			b.Fatal(totals)
		}
	}
	b.ReportMetric(float64(len(month.Lines)), "lines")
	b.ReportMetric(float64(len(month.Payments)), "payments")
}

// BenchmarkReadWorkbook reads a workbook of 10^5 lines.
func BenchmarkReadWorkbook(b *testing.B) {
	month := faults.Make(faults.Usual(1, 100_000, 0))
	file := workbookOf(b, &month, true)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		_, s, err := statement.Inspect(context.Background(), input(file), statement.Options{TempDir: b.TempDir()})
		if err != nil || s.Lines != 100_000 {
			b.Fatal(s, err)
		}
	}
}
