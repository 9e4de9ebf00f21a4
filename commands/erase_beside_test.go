package commands_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/channel"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/eventstore"
)

// A payment from a phone that two customers have is sealed under one key: what keeps the one keeps it from going with the other.
func TestAHoldIsNotGoneRoundByASecondCustomerWithThePhone(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.keep(map[string]int{"tax": 0, "aml": 0})
	held := w.customer(wanjiku)
	_, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	w.compare(1, domain.ModeTest, `{"party":"254712345678 - MAMA NJERI"}`)
	hold, err := w.write.PlaceHold(t.Context(), held, "case 5")
	if err != nil {
		t.Fatal(err)
	}
	other := w.customer(`{"email":"other@example.com","phone":"0712345678"}`)
	status, raw := w.erase(other, `{"reason":"request 2"}`)
	if status != conflict || !strings.Contains(raw, "legal hold "+strconv.FormatInt(hold, 10)+" stands for customer "+strconv.FormatInt(held, 10)) {
		t.Errorf("while the hold stands: %d %s", status, raw)
	}
	if status, raw = w.erase(other, `{"reason":"request 2","schedule":true}`); status != 202 {
		t.Errorf("scheduled: %d %s", status, raw)
	}
	carryOut := func() {
		t.Helper()
		if err := w.write.CarryOutDue(t.Context(), false, commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	carryOut()
	if got := w.known("ORDER123", "MAMA NJERI"); len(got) != 2 {
		t.Fatalf("of the evidence only %q is left", got)
	}
	// A customer who shares nothing with the held one is not in the way, and goes.
	third := w.customer(`{"email":"third@example.com","phone":"0733000222"}`)
	if status, raw := w.erase(third, `{"reason":"request 3"}`); status != 200 {
		t.Errorf("somebody else: %d %s", status, raw)
	}
	if err := w.write.ReleaseHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	carryOut()
	if left := w.known("other@example.com", "ORDER123", "MAMA NJERI"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
	if len(w.known("Wanjiku")) == 0 {
		t.Error("the other customer went too")
	}
}

// The same of rules: the second customer's erasure waits until the rule lets go of the first.
func TestARuleIsNotGoneRoundByASecondCustomerWithThePhone(t *testing.T) {
	w := newWorld(t, "sandbox")
	const year = 365 * 24 * time.Hour
	first := w.customer(wanjiku)
	other := w.customer(`{"email":"other@example.com","phone":"0712345678"}`)
	w.compare(1, domain.ModeTest, `{"party":"254712345678 - MAMA NJERI"}`)
	w.clock.pass(year)
	w.compare(2, domain.ModeTest, `{"details":"WANJIKU KAMAU"}`)
	w.clock.pass(6*year + year/2)
	status, raw := w.erase(other, `{"reason":"request 2"}`)
	if status != conflict || !strings.Contains(raw, "aml keeps it until 2034-11-23") || !strings.Contains(raw, "for customer "+strconv.FormatInt(first, 10)) {
		t.Errorf("while the rule keeps the first: %d %s", status, raw)
	}
	w.clock.pass(year)
	if status, raw := w.erase(other, `{"reason":"request 2"}`); status != 200 {
		t.Errorf("afterwards: %d %s", status, raw)
	}
}

// Of a payment by C2B M-Pesa tells the first name and a number with stars: who fits both is who paid, as in statements.
func TestErasureReachesPaymentsOfMaskedNumbers(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	w.mustPost("/mpesa/confirmation", confirmation("INV-77", "QGR7I8K2LM", "1000.00"))
	other := w.customer(`{"email":"other@example.com","first_name":"Otieno","last_name":"Doe","phone":"+254712345678"}`)
	if status, raw := w.erase(other, `{"reason":"request 1"}`); status != 200 || len(w.known("INV-77", "2547 ***** 678")) != 2 {
		t.Errorf("of another name: %d %s", status, raw)
	}
	id := w.customer(`{"email":"john@example.com","first_name":"John","last_name":"Doe","phone":"+254712345678"}`)
	if status, raw := w.erase(id, `{"reason":"request 2"}`); status != conflict || !strings.Contains(raw, "aml keeps it") {
		t.Errorf("no rule keeps the payment: %d %s", status, raw)
	}
	w.keep(map[string]int{"tax": 0, "aml": 0})
	if status, raw := w.erase(id, `{"reason":"request 2"}`); status != 200 {
		t.Errorf("%d %s", status, raw)
	}
	if left := w.known("INV-77", "2547 ***** 678", "JOHN"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
}

// A merchant's system repeats requests: what was erased does not come back by it, and a request that is refused opens nobody.
func TestARepeatedRequestBringsNobodyBack(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.keep(map[string]int{"tax": 0, "aml": 0})
	const checkout = `{"amount":15,"email":"wanjiku@example.com","first_name":"Wanjiku","phone":"0712345678"}`
	const push = `{"amount":1000,"phone_number":"254712345678","reference":"ORDER123"}`
	if status, raw := w.post("/api/transactions/initialize", checkout, "Idempotency-Key", "1"); status != 201 {
		t.Fatalf("initialize: %d %s", status, raw)
	}
	if status, raw := w.post("/api/mpesa/stk-push", push, "Idempotency-Key", "2"); status != 200 {
		t.Fatalf("stk-push: %d %s", status, raw)
	}
	w.assignIDs()
	if status, _ := w.post("/api/transactions/initialize", `{"amount":15,"email":"ghost@example.com"}`, "Idempotency-Key", "1"); status != conflict {
		t.Errorf("another body: %d", status)
	}
	if got := w.known("ghost@example.com"); len(got) > 0 {
		t.Error("the refused request opened a customer")
	}
	w.clock.pass(2 * time.Hour)
	var id int64
	for ref, s := range w.listed() {
		if s.Customer != 0 {
			id = s.Customer
			if _, err := w.write.Expire(t.Context(), ref, commands.By{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	url, _ := w.daraja.pushed()[0]["CallBackURL"].(string)
	w.mustPost(strings.TrimPrefix(url, "https://pay.example.com"), paid("ws_CO_1", "QGR7I8K2LM"))
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 200 {
		t.Fatalf("erase: %d %s", status, raw)
	}
	before := len(w.events())
	if status, raw := w.post("/api/transactions/initialize", checkout, "Idempotency-Key", "1"); status != conflict || !strings.Contains(raw, "erased") {
		t.Errorf("initialize again: %d %s", status, raw)
	}
	if status, raw := w.post("/api/mpesa/stk-push", push, "Idempotency-Key", "2"); status != conflict || !strings.Contains(raw, "erased") {
		t.Errorf("stk-push again: %d %s", status, raw)
	}
	if left := w.known("wanjiku", "Wanjiku", "712345678"); len(left) > 0 || len(w.events()) != before {
		t.Errorf("the log tells %q, %d events more", left, len(w.events())-before)
	}
	// With a new key it is a new payment, of a customer who is known again.
	if status, raw := w.post("/api/transactions/initialize", checkout, "Idempotency-Key", "3"); status != 201 {
		t.Errorf("a new payment: %d %s", status, raw)
	}
}

// lateIndex is an index that knows all when it is asked, and has something happen right after.
type lateIndex struct {
	payments []string
	after    func()
}

func (i *lateIndex) WaitFor(context.Context, eventstore.Position) error { return nil }
func (i *lateIndex) PaymentsOf(context.Context, int64, int64, customer.Trail) (own, byPayer []string, err error) {
	own = slices.Clone(i.payments)
	if do := i.after; do != nil {
		i.after = nil
		do()
	}
	return own, nil, nil
}

func (i *lateIndex) CustomersWith(context.Context, int64, []string) ([]string, error) {
	return nil, nil
}

func (i *lateIndex) LinesOf(context.Context, int64, customer.Trail, []string) ([]int64, error) {
	return nil, nil
}

func (i *lateIndex) StreamsWith(context.Context, int64, string) ([]string, error) { return nil, nil }
func (i *lateIndex) Purged(context.Context, eventstore.Position) error            { return nil }

func TestAPaymentThatComesWhileAnErasureIsPlannedStandsAgainstIt(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(wanjiku)
	index := &lateIndex{}
	index.after = func() {
		if status, raw := w.post("/api/transactions/initialize", `{"amount":15,"email":"wanjiku@example.com"}`); status != 201 {
			t.Fatalf("initialize: %d %s", status, raw)
		}
		for ref := range w.listed() {
			index.payments = append(index.payments, string(ref))
		}
	}
	w.write.Payments = index
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != conflict || !strings.Contains(raw, "under way") {
		t.Errorf("%d %s", status, raw)
	}
	// Nor does a plan stand that was made with the number of before.
	for ref := range w.listed() {
		w.clock.pass(2 * time.Hour)
		if _, err := w.write.Expire(t.Context(), ref, commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	plans := 0
	index.after = func() {
		plans++
		if status, raw := w.post("/api/customers/create", `{"email":"wanjiku@example.com","phone":"0733000222"}`); status != 200 {
			t.Fatalf("%d %s", status, raw)
		}
		index.after = func() { plans++ }
	}
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 200 || plans != 2 {
		t.Errorf("%d %s after %d plans", status, raw, plans)
	}
}

func TestNoPaymentIsOpenedForWhoIsBeingErased(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.customer(wanjiku)
	const checkout = `{"amount":15,"email":"wanjiku@example.com"}`
	var hash string
	for _, e := range w.events() {
		if c, ok := e.Event.(customer.Created); ok {
			hash = c.Hash
		}
	}
	if _, err := commands.Handle[customer.State](t.Context(), w.write, customer.Stream(hash), customer.Erase{Reason: "request 1", At: w.log.Now()}, commands.By{Merchant: w.merchant}); err != nil {
		t.Fatal(err)
	}
	if status, raw := w.post("/api/transactions/initialize", checkout); status != conflict || !strings.Contains(raw, "being erased") {
		t.Errorf("while she is being erased: %d %s", status, raw)
	}
	if err := w.write.ResumeErasure(t.Context(), hash, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if status, raw := w.post("/api/transactions/initialize", checkout); status != 201 {
		t.Errorf("afterwards: %d %s", status, raw)
	}
}

// What M-Pesa confirms under the receipt of a payment whose payer was erased counts, and is erased at once.
func TestAConfirmationAfterAnErasureIsErasedAtOnce(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	w.keep(map[string]int{"tax": 0, "aml": 0})
	id := w.customer(wanjiku)
	ref, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	w.clock.pass(time.Minute)
	late := func() {
		t.Helper()
		if err := w.write.EraseLateConfirmation(t.Context(), channel.SandboxReceipts, "QGR7I8K2LM", commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	late()
	if len(w.known(w.checkout)) == 0 {
		t.Fatal("erased for nothing")
	}
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	for _, account := range []string{"order 123", "order 124"} { // the second shares what was drawn for the first
		w.mustPost("/mpesa/confirmation", confirmation(account, "QGR7I8K2LM", "1000.00"))
		if len(w.known("JOHN")) == 0 {
			t.Fatal("nothing was confirmed")
		}
		late()
		if left := w.known("JOHN", "order 123", "order 124", "***** 678"); len(left) > 0 {
			t.Errorf("the log still tells %q", left)
		}
	}
	if s := w.state(ref); s.Received().Major() != 1000 || s.Credited.Major() != 1000 {
		t.Errorf("the payment has %s, credited %s", s.Received(), s.Credited)
	}
	var went [][]string // every node drops the keys that such an event names
	for _, e := range w.events() {
		if e, ok := e.Event.(customer.Erased); ok {
			went = append(went, e.Payments)
		}
	}
	if len(went) != 3 || !slices.Contains(went[0], string(ref)) || len(went[1]) != 1 || !slices.Equal(went[1], went[2]) {
		t.Errorf("erased were the payments %q", went)
	}
}

// What is said in a dispute that comes after an erasure is kept until the dispute is over.
func TestADisputeAfterAnErasureIsErasedWhenItIsOver(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.keep(map[string]int{"tax": 0, "aml": 0})
	ref := w.openCheckout()
	w.payByCard(ref)
	w.cards.say(string(ref)+"-1", "success")
	if _, err := w.write.AskCardAttempt(t.Context(), ref, 1, commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	w.assignIDs()
	if status, raw := w.erase(w.state(ref).Customer, `{"reason":"request 1"}`); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	const said = "createdAt" // in the words that Paystack sends
	w.disputes.be(func(p *disputeProvider) { p.reference, p.status = string(ref)+"-1", "awaiting-merchant-feedback" })
	w.hook("2", "sk_test_x", "charge.dispute.create", row(624, string(ref)+"-1", "awaiting-merchant-feedback", "", 1))
	late := func() {
		t.Helper()
		if err := w.write.EraseLate(t.Context(), ref, commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	if late(); len(w.known(said)) == 0 {
		t.Fatal("erased while it is disputed")
	}
	w.disputes.be(func(p *disputeProvider) { p.status, p.word = "resolved", "auto-accepted" })
	if err := w.write.FindDisputes(t.Context(), commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if late(); len(w.known(said)) > 0 {
			t.Error("what was said in the dispute stays")
		}
	}
	if s := w.state(ref); s.Refunded() != kes(600_00) {
		t.Errorf("%s went back", s.Refunded())
	}
}
