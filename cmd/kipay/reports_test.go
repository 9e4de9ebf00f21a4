package main_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReportsOfPaymentsAndRefundsLeadBackToTheProvidersWords(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	paid := m.push(t, phone(), "1000")
	m.settles(t, paid, "completed", 15*time.Second)
	m.initialize(t, `{"amount":70,"email":"reports@example.com"}`)

	r := m.get("/api/reports/summary?group_by=channel,status")
	r.want(t, 200, shape{
		"report.name": `="summary"`, "report.totals.payments": "=2", "report.totals.completed": "=1", "report.totals.received": "=1000",
		"report.rows.0.payment_channel_id": "=" + m.mpesa, "report.rows.0.status": `="completed"`, "report.rows.0.credited": "=1000",
		"report.rows.1.status": `="pending"`, "report.rows.1.amount": "=70", "report.rows.0.lineage": "~/api/reports/summary/lineage",
	})
	behind := m.get(r.text("report.rows.0.lineage"))
	behind.want(t, 200, shape{"total": "=1", "data.0.reference": `="` + paid + `"`, "data.0.values.credited": "=1000"})
	history := m.get(behind.text("data.0.history"))
	if raw := string(history.raw); !strings.Contains(raw, "ResultCode") || !strings.Contains(raw, behind.text("data.0.event_id")) {
		t.Errorf("the history behind the figure is %v", history)
	}

	// What was reported once stays so, whatever comes later.
	position := r.text("report.position")
	again := m.push(t, phone(), "500")
	m.settles(t, again, "completed", 15*time.Second)
	m.get("/api/reports/summary?as_of="+position).want(t, 200, shape{"report.totals.received": "=1000"})
	m.get("/api/reports/summary").want(t, 200, shape{"report.totals.received": "=1500"})

	// The verb writes the same, beside the server.
	file := filepath.Join(t.TempDir(), "statement.csv")
	m.cli(t, "report", "merchant_statement", "--merchant", m.id, "--mode", "test", "--format", "csv", "-o", file)
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	lines, err := csv.NewReader(text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(lines); n != 5 || lines[n-1][0] != "closing" || lines[n-1][9] != "1500" {
		t.Errorf("the statement is %v", lines)
	}
	m.get("/api/reports/merchant_statement").want(t, 200, shape{fmt.Sprintf("report.rows.%d.balance", 3): "=1500", "report.totals.closing": "=1500"})
}
