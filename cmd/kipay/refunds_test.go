package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// newRefundShop is a card shop whose M-Pesa channel can give money back.
func newRefundShop(t *testing.T, in *instance) *merchant {
	t.Helper()
	m := newCardShop(t, in)
	m.moveTo(t, "174379")
	m.initiator(t)
	return m
}

// initiator gives the merchant's M-Pesa channel what it needs to pay out and to reverse.
func (m *merchant) initiator(t *testing.T) {
	t.Helper()
	cert := send(t.Context(), http.MethodGet, m.sim+"/daraja/__sim/certificate", "")
	file := filepath.Join(t.TempDir(), "cert.cer")
	if err := os.WriteFile(file, []byte(cert.raw), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := m.verbWith(t, "Safaricom999!*!\n", "channel", "initiator", m.mpesa, "--name", "testapi", "--certificate", file); code != 0 {
		t.Fatalf("channel initiator: exit %d: %s", code, out)
	}
}

// refund asks for one and answers it.
func (m *merchant) refund(t *testing.T, body string) reply {
	t.Helper()
	return m.post("/api/refunds/create", body).want(t, 201, shape{
		"refund.id": "int", "refund.reference": "~^REFUND[0-9A-Z]{16,}$", "refund.transaction_reference": "text", "refund.amount": "number",
		"refund.currency": `="KES"`, "refund.status": "~^(pending|completed|failed)$", "refund.created_at": "time",
	})
}

// refundEnds waits until the list says what became of the refund.
func (m *merchant) refundEnds(t *testing.T, reference, status string) reply {
	t.Helper()
	var last reply
	eventually(t, 30*time.Second, "the refund of "+reference+" is "+status, func() error {
		last = m.get("/api/refunds/list?reference=" + reference)
		if last.text("data.0.status") != status {
			return fmt.Errorf("%v", last)
		}
		return nil
	})
	return last
}

func TestAPaymentIsGivenBackThroughItsProvider(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))

	// M-Pesa, all of it: Daraja reverses the payment.
	whole := m.push(t, phone(), "700")
	m.settles(t, whole, "completed", 15*time.Second)
	r := m.refund(t, `{"reference":"`+whole+`","reason":"out of stock"}`)
	if r.text("refund.method") != "mpesa_reversal" || r.text("refund.amount") != "700" {
		t.Errorf("the refund is %v", r)
	}
	list := m.refundEnds(t, whole, "completed")
	list.want(t, 200, shape{"data.0.receipt": "~^[0-9A-Z]{10}$", "data.0.refunded_at": "time", "total": "=1"})
	m.get("/api/transactions/verify/"+whole).want(t, 200, shape{"status": `="completed"`, "transaction.refunded_amount": "=700"})
	m.post("/api/refunds/create", `{"reference":"`+whole+`"}`).want(t, 422, shape{"errors.amount": "~nothing is left"})

	// A part: the payer is paid.
	part := m.push(t, phone(), "500")
	m.settles(t, part, "completed", 15*time.Second)
	if r := m.refund(t, `{"reference":"`+part+`","amount":120}`); r.text("refund.method") != "mpesa_b2c" {
		t.Errorf("the refund is %v", r)
	}
	m.refundEnds(t, part, "completed")
	m.post("/api/refunds/create", `{"reference":"`+part+`","amount":381}`).want(t, 422, shape{"errors.amount": "~is more than is left: KES 380.00"})

	// A card.
	card := m.initialize(t, `{"amount":90.5,"email":"refund@example.com","payment_channel_id":`+m.card+`}`)
	payByCard(m.openCardPage(t, card), paystacksim.Cards()[0])
	m.settles(t, card, "completed", 15*time.Second)
	if r := m.refund(t, `{"reference":"`+card+`","amount":"40.25"}`); r.text("refund.method") != "paystack" || r.text("refund.amount") != "40.25" {
		t.Errorf("the refund is %v", r)
	}
	m.refundEnds(t, card, "completed")

	if b := m.balances(t); b["sales"] != "430.25" || b["refunds_payable"] != "0" {
		t.Errorf("the books are %v", b)
	}
	if e := m.events(t, "transaction-"+whole); !strings.Contains(strings.Join(e, " "), "RefundRequested RefundAccepted RefundNoticeReceived RefundCompleted") {
		t.Errorf("the events are %v", e)
	}
}

func TestARefundThatTheProviderRefusesLeavesTheMoney(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	ref := m.push(t, "254700080001", "100") // whoever gets the money chooses the result: 1, not enough funds
	m.settles(t, ref, "completed", 15*time.Second)
	m.refund(t, `{"reference":"`+ref+`"}`)
	m.refundEnds(t, ref, "failed").want(t, 200, shape{"data.0.failure_code": "text", "data.0.failure_reason": "text"})
	m.get("/api/transactions/verify/"+ref).want(t, 200, shape{"transaction.refunded_amount": "=0"})
	if b := m.balances(t); b["sales"] != "100" || b["refunds_payable"] != "0" {
		t.Errorf("the books are %v", b)
	}
}

// A payer who paid by card and by phone gets each back where it came from: neither gets what the other paid.
func TestWhatWasPaidTwiceGoesBackWhereItCameFrom(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	ref := m.initialize(t, `{"amount":400,"email":"twice@example.com"}`)
	page := m.openCardPage(t, ref)
	r := send(t.Context(), http.MethodPost, m.base+"/payment/checkout/"+ref+"/mpesa", "phone="+phone(), "Content-Type", "application/x-www-form-urlencoded", "Origin", m.base)
	if r.status != http.StatusSeeOther {
		t.Fatalf("pay by phone: %v", r)
	}
	m.settles(t, ref, "completed", 15*time.Second)
	payByCard(page, paystacksim.Cards()[0])
	eventually(t, 15*time.Second, "both payments came", func() error {
		if r := m.get("/api/transactions/verify/" + ref); r.text("transaction.amount_received") != "800" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	m.post("/api/refunds/create", `{"reference":"`+ref+`"}`).want(t, 422, shape{"errors.amount": "~paid more than once.*at most KES 400.00"})
	m.post("/api/refunds/create", `{"reference":"`+ref+`","amount":401}`).want(t, 422, shape{"errors.amount": "~at most KES 400.00"})
	if r := m.refund(t, `{"reference":"`+ref+`","amount":400}`); r.text("refund.method") != "paystack" { // which came last, and was too much
		t.Errorf("the first is %v", r)
	}
	if r := m.refund(t, `{"reference":"`+ref+`"}`); r.text("refund.method") != "mpesa_reversal" || r.text("refund.amount") != "400" {
		t.Errorf("the second is %v", r)
	}
	eventually(t, 30*time.Second, "both have gone back", func() error {
		if r := m.get("/api/refunds/list?status=completed&reference=" + ref); r.text("total") != "2" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	for _, channel := range []string{m.mpesa, m.card} {
		r := m.get("/api/ledger/entries?account=suspense&payment_channel_id=" + channel)
		if in, out := r.text("data.1.credit"), r.text("data.0.debit"); in != out {
			t.Errorf("channel %s: %s came into suspense, %s left it", channel, in, out)
		}
	}
}

func TestTwoRefundsAtOnceNeverGiveBackMoreThanWasPaid(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	ref := m.push(t, phone(), "300")
	m.settles(t, ref, "completed", 15*time.Second)
	var wg sync.WaitGroup
	answers := make([]reply, 6)
	for i := range answers {
		wg.Go(func() { answers[i] = m.post("/api/refunds/create", `{"reference":"`+ref+`","amount":100}`) })
	}
	wg.Wait()
	given := 0
	for _, a := range answers {
		switch a.status {
		case 201:
			given++
		case 422:
		default:
			t.Errorf("%v", a)
		}
	}
	if given != 3 {
		t.Errorf("%d refunds of 100 out of 300 were taken", given)
	}
	eventually(t, 30*time.Second, "all is given back", func() error {
		if r := m.get("/api/transactions/verify/" + ref); r.text("transaction.refunded_amount") != "300" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if b := m.balances(t); b["sales"] != "0" || b["provider_clearing"] != "0" {
		t.Errorf("the books are %v", b)
	}
}

func TestARefundIsAskedForOnceUnderOneKey(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	ref := m.push(t, phone(), "50")
	m.settles(t, ref, "completed", 15*time.Second)
	body := `{"reference":"` + ref + `","amount":20}`
	first := m.post("/api/refunds/create", body, "Idempotency-Key", "refund-1")
	again := m.post("/api/refunds/create", body, "Idempotency-Key", "refund-1")
	if first.status != 201 || again.raw != first.raw {
		t.Errorf("first %v\nagain %v", first, again)
	}
	m.post("/api/refunds/create", `{"reference":"`+ref+`","amount":21}`, "Idempotency-Key", "refund-1").want(t, 409, nil)
	if r := m.get("/api/refunds/list?reference=" + ref); r.text("total") != "1" {
		t.Errorf("%v", r)
	}
}

func TestWhatCannotBeRefundedIsSaid(t *testing.T) {
	t.Parallel()
	m := newShop(t, usual(t))
	pending := m.initialize(t, `{"amount":10,"email":"p@example.com"}`)
	m.post("/api/refunds/create", `{"reference":"`+pending+`"}`).want(t, 409, shape{"message": "~completed"})
	m.post("/api/refunds/create", `{"reference":"KIPAY0000000000000000"}`).want(t, 422, shape{"errors.reference": "~does not exist"})
	m.post("/api/refunds/create", `{"reference":"x","amount":1}`).want(t, 422, shape{"errors.reference": "text"})
	m.post("/api/refunds/create", `{}`).want(t, 422, shape{"errors.reference": "~required"})
	paid := m.push(t, phone(), "10")
	m.settles(t, paid, "completed", 15*time.Second)
	m.post("/api/refunds/create", `{"reference":"`+paid+`"}`).want(t, 409, shape{"message": "~initiator"})
	other := newShop(t, usual(t))
	other.post("/api/refunds/create", `{"reference":"`+paid+`"}`).want(t, 422, shape{"errors.reference": "~does not exist"})
	m.get("/api/refunds/list?status=lost&reference=x&page=0").want(t, 422, shape{"errors.status": "text", "errors.reference": "text", "errors.page": "text"})
}

// A refund that was made in the provider's own dashboard is recorded when the provider says so.
func TestMoneyThatWasGivenBackElsewhereIsRecorded(t *testing.T) {
	t.Parallel()
	m := newRefundShop(t, common(t, "cards", quick(nil)))
	ref := m.initialize(t, `{"amount":80,"email":"dash@example.com","payment_channel_id":`+m.card+`}`)
	payByCard(m.openCardPage(t, ref), paystacksim.Cards()[0])
	m.settles(t, ref, "completed", 15*time.Second)
	r := send(t.Context(), http.MethodPost, m.sim+"/paystack/refund", `{"transaction":"`+ref+`-1","amount":3000}`,
		"Authorization", "Bearer "+cardSecret(m.id), "Content-Type", "application/json")
	if r.status != 200 {
		t.Fatalf("Paystack: %v", r)
	}
	eventually(t, 30*time.Second, "the refund is recorded", func() error {
		if r := m.get("/api/transactions/verify/" + ref); r.text("transaction.refunded_amount") != "30" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if b := m.balances(t); b["sales"] != "50" {
		t.Errorf("the books are %v", b)
	}
}
