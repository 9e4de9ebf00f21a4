package main_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// disputing is a server that asks Paystack for disputes often.
func disputing(t *testing.T) *instance {
	t.Helper()
	return common(t, "disputes", quick(settings{"DISPUTE_POLL": "700ms"}))
}

// disputed pays by card and lets the payer complain about some of it. It answers the payment and the dispute.
func (m *merchant) disputed(t *testing.T, amount string, minor int64, webhook string) (reference, id string) {
	t.Helper()
	reference = m.initialize(t, `{"amount":`+amount+`,"email":"payer@example.com","payment_channel_id":`+m.card+`}`)
	payByCard(m.openCardPage(t, reference), paystacksim.Cards()[0])
	m.settles(t, reference, "completed", 15*time.Second)
	r := send(t.Context(), http.MethodPost, m.sim+"/paystack/__sim/disputes", fmt.Sprintf(`{"reference":"%s-1","amount":%d,"webhook":%q}`, reference, minor, webhook),
		"Content-Type", "application/json").want(t, 200, shape{"dispute": "int"})
	return reference, r.text("dispute")
}

// disputeIs waits until the dispute has the status.
func (m *merchant) disputeIs(t *testing.T, id, status string) reply {
	t.Helper()
	var last reply
	eventually(t, 20*time.Second, "dispute "+id+" is "+status, func() error {
		if last = m.get("/api/disputes/" + id); last.text("dispute.status") != status {
			return fmt.Errorf("%v", last)
		}
		return nil
	})
	return last
}

const evidenceFields = `{"customer_email":"payer@example.com","customer_name":"Ann Otieno","customer_phone":"+254711000111","service_details":"a pair of shoes","delivery_address":"1 High Street","delivery_date":"2026-01-31"}`

// form is a multipart body with a file, and its content type.
func form(t *testing.T, fields map[string]string, name, content string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.CreateFormFile("file", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestADisputeThatIsDeclinedWithEvidenceIsWon(t *testing.T) {
	t.Parallel()
	m := newCardShop(t, disputing(t))
	ref, id := m.disputed(t, "90.5", 5000, "tripled")
	m.disputeIs(t, id, "needs_response").want(t, 200, shape{
		"dispute.amount": "=50", "dispute.currency": `="KES"`, "dispute.due_at": "time", "dispute.overdue": "=false",
		"dispute.transaction_reference": `="` + ref + `"`, "dispute.category": `="chargeback"`,
	})
	m.post("/api/disputes/"+id+"/evidence", `{"customer_email":"x","delivery_date":"31.1."}`).want(t, 422, shape{
		"errors.customer_email": "text", "errors.customer_name": "text", "errors.customer_phone": "text", "errors.service_details": "text", "errors.delivery_date": "text",
	})
	body, contentType := form(t, map[string]string{
		"customer_email": "payer@example.com", "customer_name": "Ann Otieno", "customer_phone": "+254711000111", "service_details": "shoes",
	}, "receipt.pdf", "%PDF-1.7")
	m.post("/api/disputes/"+id+"/evidence", body, "Content-Type", contentType).want(t, 200, shape{"status": `="success"`, "dispute.status": `="needs_response"`})
	m.post("/api/disputes/"+id+"/decline", `{}`).want(t, 422, shape{"errors.message": "~required"})
	first := m.post("/api/disputes/"+id+"/decline", `{"message":"delivered"}`, "Idempotency-Key", "d-1").want(t, 200, shape{
		"dispute.status": `="under_review"`, "dispute.answer.resolution": `="declined"`, "dispute.answer.status": `="taken"`,
	})
	if again := m.post("/api/disputes/"+id+"/decline", `{"message":"delivered"}`, "Idempotency-Key", "d-1"); again.raw != first.raw {
		t.Errorf("first %v\nagain %v", first, again)
	}
	m.post("/api/disputes/"+id+"/accept", `{"message":"sorry"}`).want(t, 409, nil)
	m.disputeIs(t, id, "won").want(t, 200, shape{
		"dispute.returned_amount": "=0", "dispute.resolved_at": "time", "dispute.evidence.0.status": `="taken"`, "dispute.evidence.0.file_bytes": "=8",
		"dispute.answers.0.status": `="taken"`,
	})
	if b := m.balances(t); b["sales"] != "90.5" {
		t.Errorf("a dispute that was won moved money: %v", b)
	}
	// Its whole story stands with the payment; what is personal in it nowhere else.
	story := m.get("/api/transactions/" + ref + "/history")
	for _, want := range []string{"PaymentDisputed", "DisputeOpened", "DisputeEvidenceGiven", "DisputeAnswerRequested", "DisputeResolved"} {
		if !strings.Contains(story.raw, want) {
			t.Errorf("the history has no %s", want)
		}
	}
	other := newCardShop(t, disputing(t))
	other.get("/api/disputes/"+id).want(t, 404, nil)
	other.post("/api/disputes/"+id+"/accept", `{"message":"x"}`).want(t, 404, nil)
}

func TestADisputeThatIsAcceptedIsTakenFromTheSaleAndNotRefundedToo(t *testing.T) {
	t.Parallel()
	m := newCardShop(t, disputing(t))
	ref, id := m.disputed(t, "100", 6000, "normal")
	m.disputeIs(t, id, "needs_response")
	m.post("/api/disputes/"+id+"/accept", `{"message":"never sent","amount":60.01}`).want(t, 422, shape{"errors.amount": "~asks for"})
	m.post("/api/disputes/"+id+"/accept", `{"message":"never sent"}`).want(t, 200, shape{
		"dispute.status": `="lost"`, "dispute.returned_amount": "=60", "dispute.answer.status": `="taken"`,
	})
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"transaction.refunded_amount": "=60"})
	m.post("/api/refunds/create", `{"reference":"`+ref+`","amount":40.01}`).want(t, 422, shape{"errors.amount": "~is more than is left: KES 40.00"})
	m.post("/api/refunds/create", `{"reference":"`+ref+`","amount":40}`).want(t, 201, nil)
	m.refundEnds(t, ref, "completed")
	// The provider lists the dispute's money as a refund too: it is the same money.
	eventually(t, 20*time.Second, "the refund has been looked up", func() error {
		if e := strings.Join(m.events(t, "transaction-"+ref), " "); !strings.Contains(e, "RefundCompleted") {
			return fmt.Errorf("%s", e)
		}
		return nil
	})
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"transaction.refunded_amount": "=100"})
	if b := m.balances(t); b["sales"] != "0" || b["refunds_payable"] != "0" {
		t.Errorf("the books are %v", b)
	}
	m.get("/api/disputes/list?status=lost&reference="+ref).want(t, 200, shape{"total": "=1", "data.0.returned_amount": "=60", "data.0.status": `="lost"`})
	m.get("/api/disputes/list?status=x&due_before=y&page=0").want(t, 422, shape{"errors.status": "text", "errors.due_before": "text", "errors.page": "text"})
}

func TestADisputeWhoseWebhooksAreLostIsFoundAndAnsweredByTheOperator(t *testing.T) {
	t.Parallel()
	in := disputing(t)
	m := newCardShop(t, in)
	ref, id := m.disputed(t, "80", 0, "lost")
	eventually(t, 20*time.Second, "the dispute is listed", func() error {
		if r := m.get("/api/disputes/list?reference=" + ref); r.text("data.0.id") != id || r.text("data.0.status") != "needs_response" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	who := []string{"--merchant", m.id, "--mode", "test"}
	if out, code := in.verb(t, append([]string{"dispute", "list"}, who...)...); code != 0 || !strings.Contains(out, ref) || !strings.Contains(out, "needs_response") {
		t.Errorf("list: exit %d: %s", code, out)
	}
	file := filepath.Join(t.TempDir(), "receipt.txt")
	if err := os.WriteFile(file, []byte("shoes, 80"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := in.verbWith(t, evidenceFields, append([]string{"dispute", "evidence", id, "--file", file}, who...)...); code != 0 {
		t.Fatalf("evidence: exit %d: %s", code, out)
	}
	if out, code := in.verb(t, append([]string{"dispute", "decline", id}, who...)...); code != 2 {
		t.Errorf("without a message: exit %d: %s", code, out)
	}
	if out, code := in.verb(t, append([]string{"dispute", "decline", id, "--message", "delivered"}, who...)...); code != 0 || !strings.Contains(out, "under_review") {
		t.Fatalf("decline: exit %d: %s", code, out)
	}
	// The bank finds for the payer: heard of by asking, too.
	m.admin(t, "paystack", "disputes/"+id+"/resolve", `{"resolution":"auto-accepted"}`)
	m.disputeIs(t, id, "lost")
	eventually(t, 20*time.Second, "the money has gone back", func() error {
		if r := m.get("/api/transactions/verify/" + ref); r.text("transaction.refunded_amount") != "80" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if out, code := in.verb(t, append([]string{"dispute", "show", id}, who...)...); code != 0 || !strings.Contains(out, "lost") {
		t.Errorf("show: exit %d: %s", code, out)
	}
	if out, code := in.verb(t, append([]string{"dispute", "show", "1"}, who...)...); code == 0 {
		t.Errorf("show of none: exit %d: %s", code, out)
	}
	if r := send(t.Context(), http.MethodGet, in.base+"/metrics", ""); !strings.Contains(r.raw, "kipay_disputes_open ") || !strings.Contains(r.raw, "kipay_disputes_overdue ") {
		t.Errorf("the metrics say nothing of disputes")
	}
}
