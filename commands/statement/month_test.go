package statement_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/xuri/excelize/v2"

	"github.com/benfex/kipay/commands/statement"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/faults"
)

// input is a file in memory.
func input(b []byte) statement.Input {
	return statement.Input{ReaderAt: bytes.NewReader(b), Size: int64(len(b))}
}

// headerOf is what the portal would write above a month.
func headerOf(m *faults.Month) statement.Header {
	in, out := money.Of(0, money.KES), money.Of(0, money.KES)
	for i := range m.Lines {
		if a := m.Lines[i].Amount; a.Minor > 0 {
			in = in.Add(a)
		} else {
			out.Minor -= a.Minor
		}
	}
	return statement.Header{
		Holder: "SAMPLE SHOP", ShortCode: "600000", Account: "Utility Account", Currency: money.KES,
		From: m.Scope.Period.From, To: m.Scope.Period.Until.Add(-time.Second),
		Opening: &m.Statement.Opening, Closing: &m.Statement.Closing, PaidIn: &in, TakenOut: &out,
	}
}

func csvOf(t testing.TB, m *faults.Month) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := statement.WriteMpesaCSV(&b, headerOf(m), slices.Values(m.Lines)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read are the lines of a good file.
func read(t testing.TB, in statement.Input, o statement.Options) ([]statement.Line, statement.Header, statement.Summary) {
	t.Helper()
	f, err := statement.Open(in, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	lines := slices.Collect(f.Lines(context.Background()))
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	return lines, f.Header(), f.Summary()
}

func TestAMonthComesBackFromItsFile(t *testing.T) {
	for _, newestFirst := range []bool{false, true} {
		plan := faults.Usual(7, 2000, 5)
		plan.NewestFirst = newestFirst
		month := faults.Make(plan)
		file := csvOf(t, &month)
		lines, header, summary := read(t, input(file), statement.Options{})
		sameLines(t, month.Lines, lines)
		if diff := cmp.Diff(headerOf(&month), header); diff != "" {
			t.Errorf("header (-want +got):\n%s", diff)
		}
		period, ok := header.Period()
		if !ok || period != month.Scope.Period {
			t.Errorf("the period %v, want %v", period, month.Scope.Period)
		}
		for _, c := range summary.Checks {
			if !c.Agrees() {
				t.Error(c)
			}
		}
		if digest, err := statement.Digest(input(file)); err != nil || digest != summary.SHA256 || summary.Lines != len(month.Lines) || len(summary.Checks) != 3 {
			t.Errorf("%+v, %s, %v", summary, digest, err)
		}
	}
}

// sameLines compares what was written with what was read.
func sameLines(t *testing.T, want []reconciliation.Line, got []statement.Line) {
	t.Helper()
	var entries []reconciliation.Line
	keys := map[string]bool{}
	for i := range got {
		e, ok := got[i].Entry()
		if !ok || e.Key == "" || keys[e.Key] {
			t.Fatalf("line %d: %v, key %q", got[i].Number, ok, e.Key)
		}
		keys[e.Key] = true
		entries = append(entries, e)
	}
	if diff := cmp.Diff(want, entries, cmpopts.IgnoreFields(reconciliation.Line{}, "Key", "Details")); diff != "" {
		t.Errorf("lines (-want +got):\n%.3000s", diff)
	}
}

// TestEveryFaultIsFoundThroughTheFile is the whole way: written as the portal does, read, and matched.
func TestEveryFaultIsFoundThroughTheFile(t *testing.T) {
	month := faults.Make(faults.Usual(3, 96_500, 125))
	results, totals := reconcile(t, &month, input(csvOf(t, &month)))
	want := map[string]int{}
	for _, w := range month.Wants {
		want[fmt.Sprint(w.Line, w.Kind, w.Receipt, w.Reference, w.Rule, w.Cause, w.Amount)]++
	}
	for _, r := range results {
		if r.Cause != "" {
			want[fmt.Sprint(r.Line, r.Kind, r.Receipt, r.Reference, r.Rule, r.Cause, r.Amount.Minor)]--
		}
		if r.Reference != "" && r.Line != 0 && !slices.Contains(month.Owners[r.Line], r.Reference) {
			t.Errorf("a false match: %+v", r)
		}
	}
	for _, w := range month.Wants {
		if key := fmt.Sprint(w.Line, w.Kind, w.Receipt, w.Reference, w.Rule, w.Cause, w.Amount); w.Cause != "" && want[key] != 0 {
			t.Errorf("%s: not found, or more than once: %+v", w.Fault, w)
		}
	}
	if err := totals.Check(); err != nil || totals.Lines != len(month.Lines) {
		t.Errorf("%+v, %v", totals, err)
	}
}

// reconcile matches a file with the books of a month.
func reconcile(t testing.TB, month *faults.Month, in statement.Input) ([]reconciliation.Result, reconciliation.Totals) {
	t.Helper()
	m, err := reconciliation.New(month.Scope)
	if err != nil {
		t.Fatal(err)
	}
	m.Grow(len(month.Lines), len(month.Payments))
	for i := range month.Payments {
		if err := m.AddPayment(month.Payments[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range month.Refunds {
		if err := m.AddRefund(month.Refunds[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range month.Elsewhere {
		if err := m.AddElsewhere(month.Elsewhere[i]); err != nil {
			t.Fatal(err)
		}
	}
	f, err := statement.Open(in, statement.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for l := range f.Lines(context.Background()) {
		if e, ok := l.Entry(); ok {
			if err := m.AddLine(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Err(); err != nil {
		t.Fatal(err)
	}
	var results []reconciliation.Result
	totals, err := m.Match(func(r reconciliation.Result) error { results = append(results, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return results, totals
}

// workbookOf is a month as a workbook, with numbers for amounts and dates as a spreadsheet keeps them.
func workbookOf(t testing.TB, m *faults.Month, numbers bool) []byte {
	t.Helper()
	book := excelize.NewFile()
	w, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	row := 0
	set := func(cells ...any) {
		row++
		at, err := excelize.CoordinatesToCellName(1, row)
		if err == nil {
			err = w.SetRow(at, cells)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h := headerOf(m)
	eat := time.FixedZone("EAT", 3*60*60)
	date := func(at time.Time) any {
		if numbers {
			return at.In(eat)
		}
		return at.In(eat).Format("02-01-2006 15:04:05")
	}
	amount := func(a money.Money) any {
		if numbers {
			return float64(a.Minor) / 100
		}
		return a.Format()[len("KES "):]
	}
	set("Account Holder", string(h.Holder))
	set("Short Code", h.ShortCode)
	set("Account", string(h.Account))
	set("Time Period", "", "From "+h.From.In(eat).Format("02-01-2006 15:04:05"), "", "To "+h.To.In(eat).Format("02-01-2006 15:04:05"))
	set("Operator", "portal")
	set("Opening Balance", amount(*h.Opening), "Closing Balance", amount(*h.Closing), "Available Balance", "", "Total Paid In", amount(*h.PaidIn), "Total Withdrawn", amount(*h.TakenOut))
	set("Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Balance", "Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No.")
	for i := range m.Lines {
		l := &m.Lines[i]
		var in, out any
		if l.Amount.Minor >= 0 {
			in = amount(l.Amount)
		} else {
			out = amount(l.Amount) // negative, as some exports have it
		}
		party := ""
		if l.Phone != "" {
			party = l.Phone + " - SAMPLE PAYER"
		}
		reason := map[reconciliation.Kind]string{
			reconciliation.KindPayment: "Pay Bill Online", reconciliation.KindCharge: "Pay Bill Charge", reconciliation.KindReversal: "Transaction Reversal",
			reconciliation.KindUtilityToMerchant: "Utility Account to Organization Settlement Account", reconciliation.KindWithdrawalToBank: "Organization Settlement Account to Bank",
			reconciliation.KindPayout: "Business Payment", reconciliation.KindFee: "Monthly Service Fee",
		}[l.Kind]
		set(l.Receipt, date(l.At), date(l.Started), reason, "Completed", in, out, amount(*l.Balance), true, reason, party, l.Linked, l.Account)
	}
	var b bytes.Buffer
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := book.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAWorkbookSaysTheSameAsTheCSV(t *testing.T) {
	month := faults.Make(faults.Usual(11, 3000, 3))
	fromCSV, _, _ := read(t, input(csvOf(t, &month)), statement.Options{})
	for _, numbers := range []bool{false, true} {
		lines, header, summary := read(t, input(workbookOf(t, &month, numbers)), statement.Options{TempDir: t.TempDir()})
		sameLines(t, month.Lines, lines)
		if header.Closing == nil || *header.Closing != month.Statement.Closing || summary.Format != statement.MpesaXLSX || len(summary.Checks) != 3 {
			t.Errorf("%+v, %+v", header, summary)
		}
		for i := range lines {
			if lines[i].Key != fromCSV[i].Key {
				t.Fatalf("line %d has another key than in the CSV", lines[i].Number)
			}
		}
	}
}

func TestLargeWorkbooksAreUnpackedIntoFilesThatGoAway(t *testing.T) {
	month := faults.Make(faults.Usual(11, 30_000, 1))
	dir := t.TempDir()
	f, err := statement.Open(input(workbookOf(t, &month, false)), statement.Options{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if n := entriesOf(t, dir); n == 0 {
		t.Error("nothing was unpacked")
	}
	n := 0
	for range f.Lines(context.Background()) {
		n++
	}
	if err := firstOf(f.Err(), f.Close()); err != nil || n != len(month.Lines) {
		t.Errorf("%d lines of %d: %v", n, len(month.Lines), err)
	}
	if n := entriesOf(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
