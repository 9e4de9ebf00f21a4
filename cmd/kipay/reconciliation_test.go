package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// upload sends a statement.
func (m *merchant) upload(t *testing.T, file string, fields ...string) reply {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "statement.csv")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(file))
	for i := 0; i+1 < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return send(context.Background(), http.MethodPost, m.base+"/api/reconciliation/imports", body.String(),
		"X-API-Key", m.key, "X-Forwarded-For", m.from, "Content-Type", w.FormDataContentType())
}

// statement is what the portal exports of the merchant's shortcode.
func (in *instance) statement(t *testing.T, query string) string {
	t.Helper()
	r := send(t.Context(), http.MethodGet, in.sim+"/daraja/__sim/statement?shortcode=174379"+query, "")
	if r.status != 200 {
		t.Fatalf("statement: %v", r)
	}
	return r.raw
}

// imported uploads a statement and waits until it is compared.
func (m *merchant) imported(t *testing.T, file, status string) reply {
	t.Helper()
	first := m.upload(t, file, "source", "mpesa_statement", "payment_channel_id", m.mpesa).want(t, 202, shape{"import.id": "int", "import.sha256": "~^[0-9a-f]{64}$"})
	var last reply
	counted := fmt.Sprint(status == "done")
	eventually(t, 30*time.Second, "the statement is "+status, func() error {
		if last = m.get("/api/reconciliation/imports/" + first.text("import.id")); last.text("import.status") != status || last.text("import.counted") != counted {
			return fmt.Errorf("%v", last)
		}
		return nil
	})
	return last
}

// difference is the import's one difference of a cause.
func (m *merchant) difference(t *testing.T, id, cause string) reply {
	t.Helper()
	return m.get("/api/reconciliation/imports/"+id+"/differences?cause="+cause).want(t, 200, shape{
		"total": "=1", "data.0.id": "int", "data.0.cause": `="` + cause + `"`, "data.0.rule": "text", "data.0.amount": "number", "data.0.currency": `="KES"`,
		"data.0.state": "~^(open|explained|resolved)$", "data.0.event_ids": "list", "data.0.references": "list", "data.0.explanation": "text",
	})
}

func TestAStatementIsComparedWithTheBooks(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	m := newRefundShop(t, in)
	m.registerC2B(t)
	before := m.statement(t, "")
	paid := m.push(t, phone(), "700")
	m.settles(t, paid, "completed", 15*time.Second)
	// A customer pays, unasked, and no confirmation comes.
	stranger := `{"payment_channel_id":` + m.mpesa + `,"amount":55,"phone_number":"254700060005","reference":"NOBODY"}`
	m.post("/api/mpesa/simulate-c2b", stranger).want(t, 200, nil)
	in.cli(t, "payout", "policy", "--merchant", m.id, "--limit", "1000")
	// Some of it is paid out, and some given back.
	out := m.payout(t, m.toPhone(phone(), "100")).text("payout.reference")
	m.payoutEnds(t, out, "completed")
	m.refund(t, `{"reference":"`+paid+`","amount":30}`)
	m.refundEnds(t, paid, "completed")
	// A payment whose prompt and callback are both lost.
	lost := m.push(t, "254700030010", "320")

	var file string
	eventually(t, 15*time.Second, "the statement shows all of it", func() error {
		if file = m.statement(t, ""); strings.Count(file, "\n") < strings.Count(before, "\n")+5 {
			return fmt.Errorf("%s", file)
		}
		return nil
	})
	done := m.imported(t, file, "done").want(t, 200, shape{
		"import.lines": "int", "import.difference": "number", "import.explained": "number", "import.unexplained": "=0",
		"import.by_cause.unknown_payer.count": "=1", "import.by_cause.unknown_payer.amount": "=55",
		"import.balance.breaks": "=0", "import.balance.steps": "list", "import.balance.ties": "=true",
	})
	id := done.text("import.id")
	// What only the statement shows completes its transaction, with the line as evidence.
	m.settles(t, lost, "completed", 15*time.Second)
	story := m.get("/api/transactions/" + lost + "/history").raw
	for _, want := range []string{`"statement"`, "CallbackReceived", "PaymentReceived"} {
		if !strings.Contains(story, want) {
			t.Errorf("the history lacks %s: %s", want, story)
		}
	}
	missing := m.difference(t, id, "missing_callback")
	missing.want(t, 200, shape{"data.0.state": `="resolved"`, "data.0.action": `="recorded"`, "data.0.amount": "=320", "data.0.references.0": `="` + lost + `"`})

	// Money of nobody stands in suspense until a person says whose it is.
	unknown := m.difference(t, id, "unknown_payer")
	unknown.want(t, 200, shape{"data.0.state": `="open"`, "data.0.action": `="suspended"`, "data.0.line.account": `="NOBODY"`})
	m.get("/api/ledger/balances").want(t, 200, nil)
	if got := m.balanceOf(t, "suspense"); got != "55" {
		t.Errorf("suspense holds %s, want 55", got)
	}
	whose := m.initialize(t, `{"email":"jane@example.com","amount":55,"payment_channel_id":`+m.mpesa+`}`)
	resolve := "/api/reconciliation/items/" + unknown.text("data.0.id") + "/resolve"
	m.post(resolve, `{"action":"credit"}`).wantError(t, 422, "", "reason", "reference")
	m.post(resolve, `{"action":"guess","reason":"x"}`).wantError(t, 422, "", "action")
	m.post(resolve, `{"action":"credit","reason":"she called","reference":"KIPAY0000000000000000"}`).wantError(t, 422, "", "reference")
	newShop(t, in).post(resolve, `{"action":"accept","reason":"x"}`).wantError(t, 404, "")
	m.post(resolve, `{"action":"credit","reason":"She called","reference":"`+whose+`"}`).want(t, 200, shape{
		"item.state": `="resolved"`, "item.action": `="credit"`, "item.resolved_to": `="` + whose + `"`,
	})
	m.settles(t, whose, "completed", 15*time.Second)
	m.post(resolve, `{"action":"credit","reason":"She called","reference":"`+whose+`"}`).want(t, 200, nil)
	m.post(resolve, `{"action":"write_off","reason":"again"}`).wantError(t, 409, "")
	if got := m.balanceOf(t, "suspense"); got != "0" {
		t.Errorf("suspense holds %s, want nothing", got)
	}

	// The same file is the same import; a longer one that overlaps finds all of it in the books.
	m.upload(t, file, "source", "mpesa_statement", "payment_channel_id", m.mpesa).want(t, 200, shape{"import.id": "=" + id})
	more := m.push(t, phone(), "10")
	m.settles(t, more, "completed", 15*time.Second)
	var longer string
	eventually(t, 15*time.Second, "the statement shows one more", func() error {
		if longer = m.statement(t, ""); len(longer) <= len(file) {
			return fmt.Errorf("%s", longer)
		}
		return nil
	})
	again := m.imported(t, longer, "done").want(t, 200, shape{"import.by_cause": "={}", "import.differences": "=0", "import.difference": "=0"})
	if n := again.text("import.open"); n != "0" {
		t.Errorf("%s differences are open: %v", n, m.get("/api/reconciliation/imports/"+again.text("import.id")+"/differences"))
	}
	if list := m.get("/api/reconciliation/imports").want(t, 200, shape{"total": "=2", "data.0.status": `="done"`}); list.text("data.1.id") != id {
		t.Errorf("the list: %v", list)
	}

	// In the sandbox all merchants share a shortcode. Another's payment is none of this one's business.
	other := newShop(t, in)
	theirs := other.push(t, phone(), "77")
	other.settles(t, theirs, "completed", 15*time.Second)
	eventually(t, 15*time.Second, "the statement shows the other's", func() error {
		if longer = m.statement(t, ""); !strings.Contains(longer, ",77.00,") {
			return fmt.Errorf("%s", longer)
		}
		return nil
	})
	foreign := m.imported(t, longer, "done").text("import.id")
	if raw := m.get("/api/reconciliation/imports/" + foreign + "/differences").raw; strings.Contains(raw, theirs) || !strings.Contains(raw, "unknown_payer") {
		t.Errorf("another merchant's payment shows: %s", raw)
	}

	// What was accepted stays accepted on a statement that shows it again, and counts once.
	strange := m.difference(t, foreign, "unknown_payer").want(t, 200, shape{"data.0.state": `="open"`})
	accept, reopen := "/api/reconciliation/items/"+strange.text("data.0.id")+"/resolve", "/api/reconciliation/items/"+strange.text("data.0.id")+"/reopen"
	m.post(reopen, `{"reason":"x"}`).wantError(t, 409, "")
	m.post(accept, `{"action":"accept","reason":"The neighbour's"}`).want(t, 200, nil)
	m.post(reopen, `{}`).wantError(t, 422, "", "reason")
	other.post(reopen, `{"reason":"x"}`).wantError(t, 404, "")
	m.post(reopen, `{"reason":"Is it?"}`).want(t, 200, shape{"item.state": `="open"`, "item.action": "null"})
	m.post(accept, `{"action":"accept","reason":"It is"}`).want(t, 200, nil)
	if out := in.cli(t, "reconcile", "reopen", strange.text("data.0.id"), "--merchant", m.id, "--mode", "test", "--reason", "Really?"); !strings.Contains(out, "is open") {
		t.Errorf("reconcile reopen: %s", out)
	}
	m.post(accept, `{"action":"accept","reason":"Really"}`).want(t, 200, nil)
	last := m.push(t, phone(), "11")
	m.settles(t, last, "completed", 15*time.Second)
	eventually(t, 15*time.Second, "the statement shows one more", func() error {
		if now := m.statement(t, ""); len(now) > len(longer) {
			longer = now
			return nil
		}
		return errors.New("not yet")
	})
	overlapping := m.imported(t, longer, "done").want(t, 200, shape{"import.open": "=0"}).text("import.id")
	m.difference(t, overlapping, "unknown_payer").want(t, 200, shape{
		"data.0.state": `="resolved"`, "data.0.action": `="accept"`, "data.0.reason": "~accepted before, as difference " + strange.text("data.0.id"),
	})
	m.get("/api/reports/reconciliation?group_by=cause,import&cause=unknown_payer").want(t, 200, nil)
	if raw := m.get("/api/reports/reconciliation?group_by=import").raw; strings.Contains(raw, `"import_id":`+foreign) || !strings.Contains(raw, `"import_id":`+overlapping) {
		t.Errorf("what two statements show counts with the older one, or twice: %s", raw)
	}

	// A file with a bad line is refused as a whole, and can be sent again when it is mended.
	broken := strings.Replace(longer, "Completed", "Compleeted", 1)
	refused := m.imported(t, broken, "failed").want(t, 200, shape{"import.errors.0.line": "int", "import.errors.0.reason": "text"})
	if refused.text("import.lines") != "0" {
		t.Errorf("something of a bad file was taken: %v", refused)
	}
	m.upload(t, broken, "source", "mpesa_statement", "payment_channel_id", m.mpesa).want(t, 202, nil)
	m.upload(t, file, "source", "mpesa", "payment_channel_id", "0").wantError(t, 422, "", "payment_channel_id")
	m.upload(t, file, "source", "bank").wantError(t, 422, "", "account")
	m.upload(t, file, "source", "paystack_settlement", "payment_channel_id", m.mpesa).wantError(t, 422, "", "source")

	// The operator's verbs say the same.
	in.fails(t, 2, "--state must be", "reconcile", "differences", id, "--merchant", m.id, "--mode", "test", "--state", "foo")
	in.fails(t, 2, "--cause is not", "reconcile", "differences", id, "--merchant", m.id, "--mode", "test", "--cause", "foo")
	if out := in.cli(t, "reconcile", "status", id, "--merchant", m.id, "--mode", "test"); !strings.Contains(out, "unknown payer") || !strings.Contains(out, "Statement at the end") ||
		!strings.Contains(out, "KES 320.00") || !regexp.MustCompile(`(?m)^Period +\d{4}-\d\d-\d\d(| to \d{4}-\d\d-\d\d|.* \+03:00)$`).MatchString(out) {
		t.Errorf("reconcile status: %s", out)
	}
	if out := in.cli(t, "reconcile", "differences", id, "--merchant", m.id, "--mode", "test", "--state", "resolved"); strings.Count(out, "\n") != 3 {
		t.Errorf("reconcile differences: %s", out)
	}
}

// balanceOf is an account's balance, as of now.
func (m *merchant) balanceOf(t *testing.T, account string) string {
	t.Helper()
	r := m.get("/api/ledger/balances")
	for i := range r.len("data") {
		if r.text(fmt.Sprintf("data.%d.account", i)) == account {
			return r.text(fmt.Sprintf("data.%d.balance", i))
		}
	}
	return "0"
}

func TestTheOperatorImportsAStatementWhileNothingRuns(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(settings{"EVENTSTORE": "embedded"}))
	m := newShop(t, in)
	ref := m.push(t, phone(), "40")
	m.settles(t, ref, "completed", 15*time.Second)
	file := writeFile(t, m.statement(t, ""))
	in.terminate(t, 30*time.Second)
	out := in.cli(t, "reconcile", "import", file, "--source", "mpesa_statement", "--channel", m.mpesa, "--merchant", m.id, "--mode", "test")
	if !strings.Contains(out, "To be decided") || !strings.Contains(out, "unexplained KES 0.00") {
		t.Errorf("reconcile import: %s", out)
	}
	bad := writeFile(t, "no statement")
	in.fails(t, 3, "not taken", "reconcile", "import", bad, "--source", "mpesa_statement", "--channel", m.mpesa, "--merchant", m.id, "--mode", "test")
}

func TestPaystacksListsAreFetchedAndCompared(t *testing.T) {
	t.Parallel()
	m := newCardShop(t, common(t, "cards", quick(nil)))
	for _, amount := range []string{"1000", "250"} {
		ref := m.initialize(t, `{"amount":`+amount+`,"email":"payer@example.com","payment_channel_id":`+m.card+`}`)
		payByCard(m.openCardPage(t, ref), paystacksim.Cards()[0])
		m.settles(t, ref, "completed", 15*time.Second)
	}
	m.admin(t, "paystack", "settle", "")
	today := time.Now().UTC()
	fetch := func(source string) reply {
		return reply{status: 200, raw: m.cli(t, "reconcile", "fetch", "--source", source, "--channel", m.card, "--merchant", m.id, "--mode", "test",
			"--from", today.AddDate(0, 0, -1).Format(time.DateOnly), "--to", today.AddDate(0, 0, 1).Format(time.DateOnly), "--json")}
	}
	fetch("paystack_transactions").want(t, 200, shape{"status": `="done"`, "matched": "=4", "lines": "=4", "unexplained": "=0", "open": "=0"})
	fetch("paystack_settlement").want(t, 200, shape{"status": `="done"`, "unexplained": "=0", "open": "=0"})
	m.moveTo(t, "600000")
	m.fails(t, 2, "Paystack", "reconcile", "fetch", "--source", "paystack_settlement", "--channel", m.mpesa, "--merchant", m.id, "--mode", "test", "--from", "2026-01-01", "--to", "2026-01-02")
}
