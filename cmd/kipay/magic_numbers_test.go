package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands/mpesa"
	mpesasim "github.com/benfex/kipay/commands/mpesa/simulator"
)

// fate is what must become of a push.
type fate struct {
	status  string // how it ends
	failure string // failure_code of a failed one
	refused bool   // the API answers 502
	review  bool   // somebody has to look
	alone   bool   // the money came, but nothing says for which push: it is a payment of its own
	extra   int    // received more than was asked, in shillings
	twice   bool   // as much again was received
}

// fateOf is the defined outcome of every magic number.
func fateOf(t *testing.T, name string) fate {
	t.Helper()
	paid, refused := fate{status: "completed"}, func(code string) fate { return fate{status: "failed", failure: code, refused: true} }
	if code, ok := strings.CutPrefix(name, "result-"); ok {
		what, known := mpesa.DescribeResult(strings.ToUpper(strings.Replace(code, "-", "_", 1)))
		if !known || what.FailureCode == "" {
			t.Fatalf("%s has no meaning", name)
		}
		return fate{status: "failed", failure: what.FailureCode}
	}
	if f, ok := (map[string]fate{
		"public-test-number":     {status: "failed", failure: "unreachable"},
		"silent-cancel":          {status: "failed", failure: "cancelled_by_user"},
		"silent-timeout":         {status: "failed", failure: "unreachable"},
		"never":                  {status: "failed", failure: "expired"},
		"cancel-before-response": {status: "failed", failure: "cancelled_by_user"},
		"wrong-amount":           {status: "completed", review: true, extra: 1},
		"two-receipts":           {status: "completed", review: true, twice: true},
		"forged":                 {status: "failed", failure: "cancelled_by_user", review: true},
		"response-lost-nothing":  {status: "failed", failure: "expired"},
		"html-500":               {status: "failed", failure: "expired"},
		"empty-500":              {status: "failed", failure: "expired"},
		"response-lost-cancel":   {status: "failed", failure: "cancelled_by_user"},
		"refused-internal":       {status: "failed", failure: "expired"},

		"response-lost-silent-success": {status: "failed", failure: "expired", alone: true},
		"refused-phone":                refused("invalid_phone"),
		"refused-merchant":             refused("invalid_shortcode"),
		"refused-password":             refused("invalid_passkey"),
		"refused-locked":               refused("payer_busy"),
		"refused-maintenance":          refused("provider_maintenance"),
		"refused-busy":                 refused("provider_busy"),
		"refused-spike":                refused("provider_busy"),
		"refused-quota":                refused("quota_exceeded"),
		"refused-payload":              refused("invalid_request"),
		"refused-header":               refused("provider_authentication"),
		"refused-path":                 refused("invalid_request"),
		"refused-verb":                 refused("invalid_request"),
		"refused-product":              refused("product_not_enabled"),
		"refused-token":                refused("provider_authentication"),
		"not-zero":                     refused("request_rejected"),
	})[name]; ok {
		return f
	}
	return paid
}

// magicPush is one push to a magic number.
type magicPush struct {
	scenario  mpesasim.Scenario
	amount    int
	account   string
	reference string
	answer    reply
	want      fate
}

func TestEveryMagicNumberEndsAsDefined(t *testing.T) {
	t.Parallel()
	in := common(t, "magic", quick(nil))
	m := newShop(t, in)
	m.registerC2B(t)
	var pushes []*magicPush
	for i, sc := range mpesasim.Scenarios() {
		if sc.Name == "manual" || sc.API == mpesasim.ForC2B {
			continue
		}
		if strings.HasPrefix(sc.MSISDN, "25470003") || sc.Name == "refused-internal" {
			m.push(t, phone(), "1") // five broken answers in a row would open the breaker
		}
		p := &magicPush{scenario: sc, amount: 2000 + 10*i, account: fmt.Sprintf("MAGIC%d", i)}
		p.answer = m.post("/api/mpesa/stk-push", fmt.Sprintf(`{"amount":%d,"phone_number":"%s","payment_channel_id":%s,"reference":"%s"}`, p.amount, sc.MSISDN, m.mpesa, p.account))
		pushes = append(pushes, p)
	}
	for _, p := range pushes {
		p.reference = p.answer.text("transaction.reference")
		if p.answer.status == 502 {
			p.reference = findPush(t, m, p.account)
		}
	}
	for _, p := range pushes {
		p.settle(t, m)
	}
	// What is final stays so, whatever else still comes.
	throughout(t, 2*time.Second, "it stays so", func() error {
		rows := m.listed(t, "")
		for _, p := range pushes {
			if err := p.listedOnce(rows); err != nil {
				return err
			}
		}
		return nil
	})
	for _, p := range pushes {
		p.check(t, m)
	}
	for _, verb := range in.checks() {
		if out, code := in.verb(t, verb); code != 0 {
			t.Errorf("%s: %s", verb, out)
		}
	}
}

// findPush is the transaction of a merchant's reference.
func findPush(t *testing.T, m *merchant, account string) string {
	t.Helper()
	for _, row := range m.listed(t, "") {
		if row["merchant_reference"] == account && row["payment_method"] != "mpesa_c2b" {
			return fmt.Sprint(row["reference"])
		}
	}
	t.Fatalf("no push for %s is listed", account)
	return ""
}

// settle waits for the push's outcome.
func (p *magicPush) settle(t *testing.T, m *merchant) {
	t.Helper()
	p.want = fateOf(t, p.scenario.Name)
	if (p.answer.status == 502) != p.want.refused || p.answer.status != 502 && p.answer.status != 200 {
		t.Errorf("%s: the push was answered %v", p.scenario.Name, p.answer)
	}
	eventually(t, 40*time.Second, p.scenario.Name, func() error {
		end := m.get("/api/transactions/verify/" + p.reference)
		switch {
		case end.text("status") != p.want.status || end.text("transaction.failure_code") != p.want.failure:
			return fmt.Errorf("want %s %s, got %v", p.want.status, p.want.failure, end)
		case p.want.status == "completed" && end.text("transaction.receipt") == "":
			return fmt.Errorf("no receipt: %v", end)
		case (end.text("transaction.needs_review") == "true") != p.want.review:
			return fmt.Errorf("needs_review should be %v: %v", p.want.review, end)
		}
		return p.listedOnce(m.listed(t, ""))
	})
}

// check looks at everything that verify says of the push.
func (p *magicPush) check(t *testing.T, m *merchant) {
	t.Helper()
	end := m.get("/api/transactions/verify/"+p.reference).want(t, 200, shape{
		"status": asPattern(p.want.status), "transaction.amount": fmt.Sprintf("=%d", p.amount), "transaction.needs_review": fmt.Sprintf("=%v", p.want.review),
	})
	if p.want.failure != "" {
		end.want(t, 200, shape{
			"transaction.failure_code": asPattern(p.want.failure), "transaction.failure_reason": "~.{10,}", "transaction.paid_at": "=null",
			"transaction.receipt": "=null", "transaction.amount_received": "=0",
		})
		return
	}
	received := p.amount + p.want.extra
	if p.want.twice {
		received *= 2
	}
	end.want(t, 200, shape{
		"transaction.amount_received": fmt.Sprintf("=%d", received), "transaction.payment_method": `="mpesa_stk"`,
		"transaction.paid_at": "time", "transaction.failure_code": "=null",
	})
}

// listedOnce tells whether the list shows the push once, and its money once.
func (p *magicPush) listedOnce(rows []map[string]any) error {
	var pushed, paid int
	for _, row := range rows {
		if row["merchant_reference"] != p.account {
			continue
		}
		if row["reference"] == p.reference {
			pushed++
		}
		if row["status"] == "completed" {
			paid++
		}
	}
	money := 0
	if p.want.status == "completed" || p.want.alone {
		money = 1
	}
	if pushed != 1 || paid != money {
		return fmt.Errorf("%s is listed %d times, with %d payments; want 1 and %d", p.scenario.Name, pushed, paid, money)
	}
	return nil
}

func TestPersonDecidesOnTheSimulatedPhone(t *testing.T) {
	t.Parallel()
	in := common(t, "magic", quick(nil))
	m := newShop(t, in)
	for decision, status := range map[string]string{"approve": "completed", "cancel": "failed", "wrong-pin": "failed"} {
		r := m.post("/api/mpesa/stk-push", m.pushBody("254700077777", "44")).want(t, 200, nil)
		ref := r.text("transaction.reference")
		m.get("/api/mpesa/stk-status/"+ref).want(t, 200, shape{"transaction.status": `="pending"`})
		in.admin(t, "daraja", "prompts/"+r.text("transaction.checkout_request_id")+"/"+decision, "")
		m.settles(t, ref, status, 20*time.Second)
	}
}

func TestSimulatedC2BOddities(t *testing.T) {
	t.Parallel()
	in := common(t, "c2b", quick(nil))
	m := newShop(t, in)
	m.registerC2B(t)
	for i, c := range []struct {
		number string
		listed int
	}{{"254712345678", 1}, {"254700060002", 1}, {"254700060004", 1}, {"254700060005", 0}, {"254700060006", 1}, {"254700060007", 1}} {
		account := fmt.Sprintf("ODD%d", i)
		r := m.post("/api/mpesa/simulate-c2b", fmt.Sprintf(`{"payment_channel_id":%s,"amount":%d,"phone_number":"%s","reference":"%s"}`, m.mpesa, 300+i, c.number, account)).
			want(t, 200, nil)
		if want := map[int]string{0: "pending", 1: "completed"}[c.listed]; r.text("transaction.status") != want {
			t.Errorf("%s: %v, want %s", c.number, r, want)
		}
		count := func() error {
			n := 0
			for _, row := range m.listed(t, "status=completed") {
				if row["merchant_reference"] == account {
					n++
				}
			}
			if n != c.listed {
				return fmt.Errorf("%s is listed %d times, want %d", account, n, c.listed)
			}
			return nil
		}
		eventually(t, 10*time.Second, c.number, count)
		throughout(t, 300*time.Millisecond, c.number, count)
	}
}
