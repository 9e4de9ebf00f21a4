package simulator

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// busyDay is a shortcode that something of each kind has happened to; the receipts by name.
func busyDay(t *testing.T) (*world, map[string]string) {
	t.Helper()
	w := newWorld(t, func(o *Options) { o.OpeningBalance, o.Tariff = 1000, Tariff{C2BBasisPoints: 55, B2CCents: 2240} })
	receipts := map[string]string{}
	push := w.pushBody(ordinary)
	push["Amount"] = "1500"
	w.post(pushPath, push)
	w.clock.Advance(paidAfter)
	receipts["push"] = w.delivered().Receipt
	w.post(simulateV2, c2bBody(SandboxShortCode, ordinary))
	w.sim.mu.Lock()
	receipts["menu"] = w.sim.ledger.movements[len(w.sim.ledger.movements)-1].receipt
	w.sim.mu.Unlock()
	w.clock.Advance(time.Minute)
	receipts["reversal"] = w.orders(reversalPath, w.reversalBody(receipts["push"], "1500")).transactionID
	receipts["payout"] = w.orders(b2cPath, w.b2cBody("kp-1", ordinary, "250")).transactionID
	var err error
	if receipts["withdrawal"], err = w.sim.Withdraw(SandboxShortCode, 400); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	w.settle()
	return w, receipts
}

func (w *world) export(query string) answer {
	w.t.Helper()
	a := w.do("GET", "/__sim/statement?shortcode="+SandboxShortCode+query, nil, "")
	if a.status != 200 {
		w.t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	return a
}

func readCSV(t *testing.T, body string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestAStatementHasThePortalsLayout(t *testing.T) {
	w, r := busyDay(t)
	a := w.export("&from=2026-01-01&to=2026-01-02&format=csv")
	pad := func(cells ...string) []string { return append(cells, make([]string, 13-len(cells))...) }
	const party, shop = "25472****001 - JOHN DOE", "174379 - SIMULATED SHOP 174379"
	out := "Utility Account to Organization Settlement Account"
	want := [][]string{
		pad("Account Holder:", "Simulated Shop 174379"),
		pad("Short Code:", "174379"),
		pad("Account:", "Utility Account"),
		pad("Time Period:", "", "From 01-01-2026 00:00:00", "", "To 02-01-2026 00:00:00"),
		pad("Operator:", "Simulated Operator", "Date of Report: 01-01-2026 12:02:06"),
		pad("Opening Balance:", "1,000.00", "Closing Balance:", "351.70", "Available Balance:", "351.70", "Total Paid In:", "1,510.00", "Total Withdrawn:", "2,158.30"),
		{"Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Balance", "Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No."},
		{r["push"], "01-01-2026 12:00:02", "01-01-2026 12:00:02", "Pay Bill from " + party + " Acc. INV0001", "Completed", "1,500.00", "", "2,500.00", "true", "Pay Bill Online", party, "", "INV0001"},
		{r["push"], "01-01-2026 12:00:02", "01-01-2026 12:00:02", "Pay Bill Charge", "Completed", "", "8.25", "2,491.75", "true", "Pay Bill Charge", party, r["push"], "INV0001"},
		{r["menu"], "01-01-2026 12:00:02", "01-01-2026 12:00:02", "Pay Bill from " + party + " Acc. INVOICE8", "Completed", "10.00", "", "2,501.75", "true", "Pay Utility", party, "", "INVOICE8"},
		{r["menu"], "01-01-2026 12:00:02", "01-01-2026 12:00:02", "Pay Bill Charge", "Completed", "", "0.05", "2,501.70", "true", "Pay Bill Charge", party, r["menu"], "INVOICE8"},
		{r["reversal"], "01-01-2026 12:01:04", "01-01-2026 12:01:02", "Pay Bill Reversal to " + party, "Completed", "", "1,500.00", "1,001.70", "true", "Pay Bill Reversal", party, r["push"], "INV0001"},
		{r["payout"], "01-01-2026 12:01:06", "01-01-2026 12:01:04", "Business Payment to " + party, "Completed", "", "250.00", "751.70", "true", "Business Payment", party, "", ""},
		{r["withdrawal"], "01-01-2026 12:01:06", "01-01-2026 12:01:06", out, "Completed", "", "400.00", "351.70", "true", out, shop, "", ""},
	}
	if diff := cmp.Diff(want, readCSV(t, a.body)); diff != "" {
		t.Error(diff)
	}
	if a.header.Get("Content-Type") != "text/csv; charset=utf-8" || !contains(a.header.Get("Content-Disposition"), `statement-174379.csv`) || !contains(a.body, "\r\n") {
		t.Errorf("%v", a.header)
	}
}

func TestAWorkbookHoldsWhatTheCSVHolds(t *testing.T) {
	w, _ := busyDay(t)
	for _, query := range []string{"", "&withdrawn=negative", "&order=newest", "&account=working", "&account=charges", "&dates=serial"} {
		want := readCSV(t, w.export(query+"&format=csv").body)
		book, err := excelize.OpenReader(bytes.NewReader([]byte(w.export(query + "&format=xlsx").body)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := book.GetRows(book.GetSheetName(0))
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range got {
			got[i] = append(row, make([]string, 13-len(row))...) // empty cells at the end of a row are not there
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
		raw, err := book.GetRows(book.GetSheetName(0), excelize.Options{RawCellValue: true})
		if serial := !contains(raw[7][1], "-"); err != nil || serial != (query == "&dates=serial") {
			t.Errorf("%s: a date is %q, %v", query, raw[7][1], err)
		}
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWithdrawnCanStandBelowNothing(t *testing.T) {
	w, _ := busyDay(t)
	rows := readCSV(t, w.export("&withdrawn=negative").body)
	if rows[5][9] != "-2,158.30" || rows[8][6] != "-8.25" || rows[8][7] != "2,491.75" || rows[7][6] != "" {
		t.Error(rows[5], rows[7], rows[8])
	}
}

func TestTheNewestRowCanComeFirst(t *testing.T) {
	w, r := busyDay(t)
	rows := readCSV(t, w.export("&order=newest").body)
	if rows[7][0] != r["withdrawal"] || rows[len(rows)-1][0] != r["push"] || rows[len(rows)-1][3] == "Pay Bill Charge" {
		t.Error(rows)
	}
}

func TestEveryAccountHasAStatement(t *testing.T) {
	w, r := busyDay(t)
	working := readCSV(t, w.export("&account=working").body)
	if len(working) != 8 || working[7][0] != r["withdrawal"] || working[7][5] != "377.60" || working[2][1] != "Working Account" {
		t.Error(working)
	}
	charges := readCSV(t, w.export("&account=charges").body)
	if len(charges) != 9 || charges[7][0] != r["payout"] || charges[7][6] != "22.40" || charges[7][11] != r["payout"] || charges[8][5] != "22.40" || charges[5][1] != "0.00" {
		t.Error(charges)
	}
	till := readCSV(t, w.do("GET", "/__sim/statement?shortcode="+SandboxTill, nil, "").body)
	if till[2][1] != "Merchant Account" || till[5][1] != "1,000.00" || len(till) != 7 {
		t.Error(till)
	}
}

func TestATillsRowsSayMerchantPayment(t *testing.T) {
	w := newWorld(t, nil)
	body := w.pushBody(ordinary)
	body["TransactionType"], body["PartyB"] = "CustomerBuyGoodsOnline", SandboxTill
	w.post(pushPath, body)
	w.clock.Advance(time.Minute)
	w.settle()
	receipt := w.delivered().Receipt
	reversal := w.reversalBody(receipt, "5")
	reversal["ReceiverParty"] = SandboxTill
	if r := w.orders(reversalPath, reversal); r.code != "0" || !contains(r.parameters["DebitAccountBalance"], "Merchant Account|KES|0.00") {
		t.Errorf("%+v", r)
	}
	rows := readCSV(t, w.do("GET", "/__sim/statement?shortcode="+SandboxTill, nil, "").body)
	if len(rows) != 9 || rows[7][9] != "Merchant Payment Online" || rows[7][12] != "" || rows[8][9] != "Merchant Payment Reversal" || rows[8][11] != receipt {
		t.Error(rows)
	}
}

func TestStatementsAreRefusedForNonsense(t *testing.T) {
	w := newWorld(t, nil)
	for query, status := range map[string]int{
		"":                                  422,
		"?shortcode=999999":                 422,
		"?shortcode=174379&account=savings": 422,
		"?shortcode=174379&from=2026-01-02&to=2026-01-01":       422,
		"?shortcode=174379&from=yesterday":                      400,
		"?shortcode=174379&to=01-01-2026":                       400,
		"?shortcode=174379&format=pdf":                          400,
		"?shortcode=174379&withdrawn=maybe":                     400,
		"?shortcode=174379&order=random":                        400,
		"?shortcode=174379&dates=roman":                         400,
		"?shortcode=174379&from=2025-12-31&to=2026-01-01":       200,
		"?shortcode=174379&from=2026-01-01T00:00:00%2B03:00":    200,
		"?shortcode=174379&to=2026-01-01+23:00:00&order=oldest": 200,
	} {
		if a := w.do("GET", "/__sim/statement"+query, nil, ""); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestAmountsAreGroupedExactly(t *testing.T) {
	for cents, want := range map[int64]string{0: "0.00", 5: "0.05", 99999: "999.99", 100000: "1,000.00", 123456789: "1,234,567.89", -123456: "-1,234.56", -5: "-0.05", 1000000000000: "10,000,000,000.00"} {
		if got := grouped(cents); got != want {
			t.Errorf("%d: %s", cents, got)
		}
	}
}
