package main_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	paystacksim "github.com/benfex/kipay/commands/paystack/simulator"
)

// newPayoutShop is a refund shop in which one person may pay out so many shillings alone, and so much has been paid to.
func newPayoutShop(t *testing.T, limit string, paid ...string) *merchant {
	t.Helper()
	return payoutShopAt(t, common(t, "cards", quick(nil)), limit, paid...)
}

// newChargedShop is a payout shop from which M-Pesa takes KES 22.40 for each payout.
func newChargedShop(t *testing.T, limit string, paid ...string) *merchant {
	t.Helper()
	in := common(t, "charged", quick(nil))
	in.admin(t, "daraja", "tariff", `{"b2c_cents":2240}`)
	return payoutShopAt(t, in, limit, paid...)
}

func payoutShopAt(t *testing.T, in *instance, limit string, paid ...string) *merchant {
	t.Helper()
	m := newRefundShop(t, in)
	m.cli(t, "payout", "policy", "--merchant", m.id, "--limit", limit)
	for _, amount := range paid {
		m.settles(t, m.push(t, phone(), amount), "completed", 15*time.Second)
	}
	return m
}

// payout asks for one and answers it.
func (m *merchant) payout(t *testing.T, body string, headers ...string) reply {
	t.Helper()
	return m.post("/api/payouts/create", body, headers...).want(t, 201, shape{
		"payout.id": "int", "payout.reference": "~^PAYOUT[0-9A-Z]{16}$", "payout.amount": "number", "payout.currency": `="KES"`,
		"payout.status": "~^(awaiting_approval|approved|sent|completed|failed)$", "payout.created_at": "time",
	})
}

// payoutEnds waits until it is known what became of a payout.
func (m *merchant) payoutEnds(t *testing.T, ref, status string) reply {
	t.Helper()
	var last reply
	eventually(t, 30*time.Second, "the payout "+ref+" is "+status, func() error {
		if last = m.get("/api/payouts/" + ref); last.text("payout.status") != status {
			return fmt.Errorf("%v", last)
		}
		return nil
	})
	return last
}

func (m *merchant) toPhone(number, amount string) string {
	return `{"payment_channel_id":` + m.mpesa + `,"destination":"phone","phone_number":"` + number + `","amount":` + amount + `}`
}

func TestAPayoutGoesToAPhoneWithItsCharge(t *testing.T) {
	t.Parallel()
	m := newChargedShop(t, "1000", "700")
	m.post("/api/payouts/create", m.toPhone(phone(), "701")).want(t, 422, shape{"errors.amount": "~is more than there is to pay out: KES 700.00"})
	number := phone()
	r := m.payout(t, m.toPhone(number, "300"))
	ref := r.text("payout.reference")
	if r.text("payout.method") != "mpesa_b2c" || r.text("payout.status") != "approved" || r.text("payout.destination_hint") != strings.Repeat("*", 9)+number[9:] {
		t.Errorf("the payout is %v", r)
	}
	m.payoutEnds(t, ref, "completed").want(t, 200, shape{
		"payout.receipt": "~^[0-9A-Z]{10}$", "payout.paid_at": "time", "payout.number": `="` + number + `"`, "payout.needs_approval": "=false",
	})
	eventually(t, 30*time.Second, "what it cost is known", func() error {
		b := m.balances(t)
		if b["wallet"] != "300" || b["payouts_in_transit"] != "0" || b["provider_fees"] != "22.4" || b["provider_clearing"] != "377.6" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	m.get("/api/payouts/list?status=completed").want(t, 200, shape{"total": "=1", "data.0.reference": `="` + ref + `"`, "data.0.destination_hint": "text"})
	m.get("/api/payouts/list?as_of=1").want(t, 200, shape{"total": "=0", "position": "=1"})
	m.get("/api/payouts/diff?since=1&status=completed").want(t, 200, shape{"total": "=1", "data.0.change": `="added"`, "data.0.after.reference": `="` + ref + `"`})
	if e := strings.Join(m.events(t, "payout-"+ref), " "); !strings.Contains(e, "PayoutRequested PayoutSent PayoutAccepted PayoutNoticeReceived PayoutCompleted") {
		t.Errorf("the events are %v", e)
	}
	history := m.get("/api/payouts/" + ref + "/history")
	for _, told := range []string{"PayoutFundsReserved", "PayoutRequested", "PayoutSent", "PayoutCompleted", "PayoutFundsPaid", `"account":"wallet"`} {
		if !strings.Contains(history.raw, told) {
			t.Errorf("the history says nothing of %s: %s", told, history.raw)
		}
	}
	m.get("/api/ledger/entries?reference="+ref).want(t, 200, shape{"data.0.event_type": "~^Payout"})
}

// withKey is the merchant with another key of its own, which the flags limit.
func (m *merchant) withKey(t *testing.T, flags ...string) *merchant {
	t.Helper()
	return m.as(reply{raw: m.cli(t, append([]string{"key", "issue", "--merchant", m.id, "--json"}, flags...)...)}.text("api_key"))
}

func TestAPayoutAboveTheLimitNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "100", "900")
	second := m.withKey(t, "--scope", "approve")
	ref := m.payout(t, m.toPhone(phone(), "400")).text("payout.reference")
	m.get("/api/payouts/list?status=awaiting_approval").want(t, 200, shape{"data.0.reference": `="` + ref + `"`})
	second.post("/api/payouts/"+ref+"/approve", "").want(t, 200, shape{"payout.status": `="approved"`})
	m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.approved_by": "~^key:", "payout.needs_approval": "=true"})

	stopped := m.payout(t, m.toPhone(phone(), "450")).text("payout.reference")
	m.post("/api/payouts/create", m.toPhone(phone(), "450")).want(t, 422, shape{"errors.amount": "~is more than"})
	second.post("/api/payouts/"+stopped+"/reject", `{"reason":"not this week"}`).want(t, 200, shape{"payout.status": `="rejected"`})
	second.post("/api/payouts/"+stopped+"/approve", "").want(t, 409, nil)
	eventually(t, 15*time.Second, "its money is free again", func() error {
		if r := m.post("/api/payouts/create", m.toPhone(phone(), "450"), "Idempotency-Key", "again"); r.status != 201 {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
}

// Who holds several keys that may write is one person, and so is who stole them.
func TestOnlyAKeyForApprovalsApproves(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "100", "900")
	ref := m.payout(t, m.toPhone(phone(), "400")).text("payout.reference")
	approver := m.withKey(t, "--scope", "read,approve")
	stranger := newShop(t, m.instance)
	for name, c := range map[string]struct {
		by   *merchant
		want int
	}{
		"who requested it":                       {m, 403},
		"another key of the same person":         {m.withKey(t), 403},
		"another one that may only write":        {m.withKey(t, "--scope", "write"), 403},
		"one that may read and write":            {m.withKey(t, "--scope", "read,write"), 403},
		"one that may only read":                 {m.withKey(t, "--scope", "read"), 403},
		"an approver of the other mode":          {m.withKey(t, "--scope", "approve", "--live"), 404},
		"a stranger":                             {stranger, 403},
		"an approver of another merchant":        {stranger.withKey(t, "--scope", "approve"), 404},
		"nobody":                                 {m.as("kp_test_" + strings.Repeat("x", 32)), 401},
		"an approver whose key is revoked again": {m.revoked(t, "--scope", "approve"), 401},
	} {
		if r := c.by.post("/api/payouts/"+ref+"/approve", "", "Idempotency-Key", "yes"); r.status != c.want {
			t.Errorf("%s: %v, want %d", name, r, c.want)
		}
	}
	if s := approver.get("/api/payouts/" + ref).text("payout.status"); s != "awaiting_approval" {
		t.Fatalf("the payout is %s", s)
	}
	for _, body := range []string{m.toPhone(phone(), "50"), m.toPhone(phone(), "450")} {
		approver.post("/api/payouts/create", body).want(t, 403, nil)
	}
	approver.post("/api/payouts/"+ref+"/record", `{"bank_reference":"X1","value_date":"2026-01-05"}`).want(t, 403, nil)
	if out, code := m.verb(t, "key", "issue", "--merchant", m.id, "--scope", "write,approve"); code == 0 || !strings.Contains(out, "second person") {
		t.Errorf("a key for both persons: exit %d: %s", code, out)
	}
	blind := m.withKey(t, "--scope", "approve")
	blind.get("/api/payouts/"+ref).want(t, 403, nil)

	approver.post("/api/payouts/"+ref+"/approve", "", "Idempotency-Key", "yes").want(t, 200, shape{"payout.status": `="approved"`})
	m.post("/api/payouts/"+ref+"/approve", "", "Idempotency-Key", "yes").want(t, 403, nil) // nor by repeating the approver's request
	m.payoutEnds(t, ref, "completed").want(t, 200, shape{"payout.approved_by": "~^key:"})
	stranger.get("/api/payouts/"+ref).want(t, 404, nil)
}

// revoked is the merchant with another key, which was valid.
func (m *merchant) revoked(t *testing.T, flags ...string) *merchant {
	t.Helper()
	issued := reply{raw: m.cli(t, append([]string{"key", "issue", "--merchant", m.id, "--json"}, flags...)...)}
	m.cli(t, "key", "revoke", issued.text("key_id"))
	return m.as(issued.text("api_key"))
}

func TestPayoutsAtOnceNeverTakeMoreThanThereIs(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "300")
	var wg sync.WaitGroup
	answers := make([]reply, 6)
	for i := range answers {
		wg.Go(func() { answers[i] = m.post("/api/payouts/create", m.toPhone(phone(), "100")) })
	}
	wg.Wait()
	taken := 0
	for _, a := range answers {
		switch a.status {
		case 201:
			taken++
		case 422:
		default:
			t.Errorf("%v", a)
		}
	}
	if taken != 3 {
		t.Errorf("%d payouts of 100 out of 300 were taken", taken)
	}
}

// The answer is lost, and no result comes: nothing is sent again, the status query tells.
func TestAPayoutWhoseAnswerIsLostIsAskedAfter(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "500")
	ref := m.payout(t, m.toPhone("254700090008", "200")).text("payout.reference")
	m.payoutEnds(t, ref, "completed")
	e := strings.Join(m.events(t, "payout-"+ref), " ")
	if !strings.Contains(e, "PayoutSent PayoutOutcomeUnknown") || strings.Count(e, "PayoutSent") != 1 {
		t.Errorf("the events are %v", e)
	}
}

func TestAPayoutThatNobodyKnowsTheOutcomeOfIsSettledByAPersonWithEvidence(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "500")
	ref := m.payout(t, m.toPhone("254700090002", "200")).text("payout.reference") // nothing ever happens
	eventually(t, 15*time.Second, "the outcome is unknown", func() error {
		if r := m.get("/api/payouts/" + ref); r.text("payout.outcome_unknown") != "true" {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
	if b := m.balances(t); b["payouts_in_transit"] != "200" {
		t.Errorf("the books are %v", b)
	}
	m.post("/api/payouts/create", m.toPhone(phone(), "301")).want(t, 422, nil)
	if out, code := m.verb(t, "payout", "fail", ref); code == 0 || !strings.Contains(out, "evidence") {
		t.Errorf("without evidence: exit %d: %s", code, out)
	}
	if out, code := m.verb(t, "payout", "settle", ref, "--receipt", "SKR7I8K2LM", "--evidence", "portal", "--paid-at", "2020-01-01T00:00:00Z"); code == 0 || !strings.Contains(out, "paid_at") {
		t.Errorf("paid before it was sent: exit %d: %s", code, out)
	}
	if out := m.cli(t, "payout", "fail", ref, "--evidence", "not on the statement of 27 November"); !strings.Contains(out, "is failed") {
		t.Error(out)
	}
	m.payoutEnds(t, ref, "failed").want(t, 200, shape{"payout.failure_code": `="settled_by_person"`})
	eventually(t, 15*time.Second, "its money is free again", func() error {
		if r := m.post("/api/payouts/create", m.toPhone(phone(), "450"), "Idempotency-Key", "again"); r.status != 201 {
			return fmt.Errorf("%v", r)
		}
		return nil
	})
}

func TestAPayoutThatTheProviderRefusesLeavesTheMoney(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "100")
	ref := m.payout(t, m.toPhone("254700082040", "50")).text("payout.reference")
	m.payoutEnds(t, ref, "failed").want(t, 200, shape{"payout.failure_code": `="recipient_not_registered"`, "payout.failure_reason": "text"})
	if b := m.balances(t); b["payouts_in_transit"] != "0" || b["provider_clearing"] != "100" {
		t.Errorf("the books are %v", b)
	}
}

func TestATransferToABankIsRecordedWithItsReference(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000", "600")
	body := `{"payment_channel_id":` + m.mpesa + `,"destination":"bank","bank_name":"Benki","account_number":"0112233","account_name":"Duka Ltd","amount":"250.50"}`
	first := m.payout(t, body, "Idempotency-Key", "p1")
	if again := m.payout(t, body, "Idempotency-Key", "p1"); again.raw != first.raw {
		t.Errorf("first %v\nagain %v", first, again)
	}
	m.post("/api/payouts/create", strings.Replace(body, "250.50", "251", 1), "Idempotency-Key", "p1").want(t, 409, nil)
	ref := first.text("payout.reference")
	m.post("/api/payouts/"+ref+"/record", `{"bank_reference":"FT26331ABC"}`).want(t, 422, shape{"errors.value_date": "~required"})
	for _, day := range []string{"0001-01-01", "1900-01-01", "2026-01-05", "2199-01-01"} { // no book has such a day for it
		m.post("/api/payouts/"+ref+"/record", `{"bank_reference":"FT26331ABC","value_date":"`+day+`"}`).want(t, 422, shape{"errors.value_date": "~must not be"})
	}
	day := today()
	m.post("/api/payouts/"+ref+"/record", `{"bank_reference":"FT26331ABC","value_date":"`+day+`"}`).want(t, 200, shape{
		"payout.status": `="completed"`, "payout.bank_reference": `="FT26331ABC"`, "payout.value_date": `="` + day + `"`,
	})
	m.get("/api/payouts/list?bank_reference=FT26331ABC").want(t, 200, shape{"total": "=1", "data.0.reference": `="` + ref + `"`})
	eventually(t, 15*time.Second, "it is in the books", func() error {
		if b := m.balances(t); b["bank"] != "250.5" || b["provider_clearing"] != "349.5" {
			return fmt.Errorf("%v", b)
		}
		return nil
	})
	if out := m.cli(t, "payout", "show", ref); !strings.Contains(out, `"number": "0112233"`) {
		t.Error(out)
	}
	if out := m.cli(t, "payout", "list", "--merchant", m.id); !strings.Contains(out, ref) || strings.Contains(out, "0112233") {
		t.Error(out)
	}
}

// What was paid in dollars is paid out in dollars: an amount is never taken to be in another currency than the one that is named.
func TestEachCurrencyIsPaidOutOfItsOwnMoney(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000")
	m.cli(t, "payout", "policy", "--merchant", m.id, "--limit", "50", "--currency", "USD")
	ref := m.initialize(t, `{"amount":100,"currency":"USD","email":"usd@example.com","payment_channel_id":`+m.card+`}`)
	payByCard(m.openCardPage(t, ref), paystacksim.Cards()[0])
	m.settles(t, ref, "completed", 15*time.Second)
	body := func(amount, currency string) string {
		return `{"payment_channel_id":` + m.card + `,"destination":"bank","bank_name":"Benki","account_number":"1","account_name":"D","amount":` + amount + currency + `}`
	}
	m.post("/api/payouts/create", body("10", "")).want(t, 422, shape{"errors.amount": "~KES 0.00"})
	m.post("/api/payouts/create", body("10", `,"currency":"XYZ"`)).want(t, 422, shape{"errors.currency": "text"})
	m.post("/api/payouts/create", strings.Replace(m.toPhone(phone(), "10"), "}", `,"currency":"USD"}`, 1)).want(t, 422, shape{"errors.currency": "~KES"})
	m.post("/api/payouts/create", body("1000", `,"currency":"USD"`)).want(t, 422, shape{"errors.amount": "~USD"})
	r := m.post("/api/payouts/create", body("60", `,"currency":"USD"`)).want(t, 201, shape{
		"payout.amount": "=60", "payout.currency": `="USD"`, "payout.status": `="awaiting_approval"`,
	})
	if out := m.cli(t, "payout", "list", "--merchant", m.id); !strings.Contains(out, r.text("payout.reference")) {
		t.Errorf("the operator does not see it: %s", out)
	}
	m.post("/api/refunds/create", `{"reference":"`+ref+`","amount":10,"currency":"KES"}`).want(t, 422, shape{"errors.currency": "~USD"})
}

func TestWhatCannotBePaidOutIsSaid(t *testing.T) {
	t.Parallel()
	m := newPayoutShop(t, "1000")
	m.post("/api/payouts/create", `{}`).want(t, 422, shape{"errors.destination": "~required"})
	m.post("/api/payouts/create", `{"destination":"moon","amount":10}`).want(t, 422, shape{"errors.destination": "~phone, bank or till"})
	m.post("/api/payouts/create", m.toPhone("0712345678", "10")).want(t, 422, shape{"errors.phone_number": "text"})
	m.post("/api/payouts/create", m.toPhone(phone(), "10.5")).want(t, 422, shape{"errors.amount": "~whole shillings"})
	m.post("/api/payouts/create", m.toPhone(phone(), "10")).want(t, 422, shape{"errors.amount": "~KES 0.00"})
	m.post("/api/payouts/create", `{"destination":"phone","phone_number":"254712345678","amount":10,"payment_channel_id":`+m.card+`}`).want(t, 422, shape{"errors.payment_channel_id": "text"})
	m.withKey(t, "--scope", "approve").post("/api/payouts/PAYOUT0000000000000000/approve", "").want(t, 404, nil)
	m.get("/api/payouts/PAYOUT0000000000000000").want(t, 404, nil)
	m.get("/api/payouts/list?status=lost").want(t, 422, shape{"errors.status": "text"})
	plain := newShop(t, m.instance)
	plain.post("/api/payouts/create", plain.toPhone(phone(), "10")).want(t, 409, shape{"message": "~initiator"})
}
