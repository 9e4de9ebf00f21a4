package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// lostRefund is a refund of a payment of 500 whose answer is lost, and that never happens: the payment's reference and its own.
func (m *merchant) lostRefund(t *testing.T, amount string) (payment, refund string) {
	t.Helper()
	payment = m.push(t, "254700090002", "500")
	m.settles(t, payment, "completed", 15*time.Second)
	refund = m.refund(t, `{"reference":"`+payment+`","amount":`+amount+`}`).text("refund.reference")
	eventually(t, 15*time.Second, "its outcome is unknown", func() error {
		if r := m.get("/api/refunds/list?reference=" + payment); r.text("data.0.outcome_unknown") != "true" || r.text("data.0.status") != "pending" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	return payment, refund
}

func TestARefundThatNobodyKnowsTheOutcomeOfIsSettledByAPersonWithEvidence(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	payment, refund := m.lostRefund(t, "500")
	m.post("/api/refunds/create", `{"reference":"`+payment+`"}`).want(t, 422, nil)
	if b := m.balances(t); b["refunds_payable"] != "500" {
		t.Errorf("the books are %v", b)
	}
	if out := m.cli(t, "refund", "list", "--attention", "--merchant", m.id); !strings.Contains(out, refund) || !strings.Contains(out, "asked after") {
		t.Error(out)
	}
	if out := m.cli(t, "refund", "list", "--pending", "--json"); !strings.Contains(out, refund) {
		t.Error(out)
	}
	for want, args := range map[string][]string{
		"evidence":        {"settle", refund, "--receipt", "SKR7I8K2LM"},
		"receipt":         {"settle", refund, "--evidence", "portal"},
		"paid_at":         {"settle", refund, "--receipt", "SKR7I8K2LM", "--evidence", "portal", "--paid-at", "2020-01-01T00:00:00Z"},
		"not found":       {"fail", "REFUND0000000000000000", "--evidence", "portal"},
		"such as REFUND0": {"fail", payment, "--evidence", "portal"},
	} {
		if out, code := m.verb(t, append([]string{"refund"}, args...)...); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
	}
	for range 2 {
		if out := m.cli(t, "refund", "settle", refund, "--receipt", "SKR7I8K2LM", "--evidence", "statement of 27 November, line 12"); !strings.Contains(out, "is completed") {
			t.Error(out)
		}
	}
	if out, code := m.verb(t, "refund", "fail", refund, "--evidence", "portal"); code == 0 || !strings.Contains(out, "SKR7I8K2LM") {
		t.Errorf("what is completed failed: exit %d: %s", code, out)
	}
	m.refundEnds(t, payment, "completed").want(t, 200, shape{
		"data.0.receipt": `="SKR7I8K2LM"`, "data.0.refunded_at": "time", "data.0.outcome_unknown": "=false",
	})
	if b := m.balances(t); b["refunds_payable"] != "0" || b["sales"] != "0" || b["provider_clearing"] != "0" {
		t.Errorf("the books are %v", b)
	}
	before, after, _ := strings.Cut(strings.Join(m.events(t, "transaction-"+payment), " "), " RefundCompleted")
	// The answer to a question that was under way may come later: it is kept, and changes nothing.
	if e := before + " RefundCompleted" + after; strings.ReplaceAll(after, " RefundNoticeReceived", "") != "" ||
		!strings.Contains(before, "RefundOutcomeUnknown") || !strings.HasSuffix(before, "RefundNoticeReceived") {
		t.Errorf("the events are %v", e)
	}
	if h := m.get("/api/transactions/" + payment + "/history"); !strings.Contains(h.raw, "line 12") || !strings.Contains(h.raw, `"operator"`) {
		t.Errorf("the history is %s", h.raw)
	}
	if out := m.cli(t, "refund", "list", "--attention", "--merchant", m.id); strings.Contains(out, refund) {
		t.Error(out)
	}
}

func TestWhatAPersonFoundNotRefundedCanBeRefundedAgain(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	payment, refund := m.lostRefund(t, "120")
	if out := m.cli(t, "refund", "fail", refund, "--evidence", "not on the statement of 27 November"); !strings.Contains(out, "is failed") {
		t.Error(out)
	}
	m.refundEnds(t, payment, "failed").want(t, 200, shape{"data.0.failure_code": `="settled_by_person"`})
	if b := m.balances(t); b["refunds_payable"] != "0" || b["sales"] != "500" {
		t.Errorf("the books are %v", b)
	}
	if r := m.post("/api/refunds/create", `{"reference":"`+payment+`"}`); r.status != 201 {
		t.Errorf("%v", r)
	}
}

// Where nothing runs a verb reads the log itself.
func TestRefundsAreListedWithoutAServer(t *testing.T) {
	t.Parallel()
	in := launch(t, quick(nil))
	m := newRefundShop(t, in)
	_, refund := m.lostRefund(t, "500")
	in.stop()
	if out := m.cli(t, "refund", "list", "--attention"); !strings.Contains(out, refund) {
		t.Error(out)
	}
	if out := m.cli(t, "refund", "fail", refund, "--evidence", "portal"); !strings.Contains(out, "is failed") {
		t.Error(out)
	}
}
