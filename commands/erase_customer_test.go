package commands_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/customer"
	"github.com/benfex/kipay/domain/money"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/reconciliation"
	"github.com/benfex/kipay/domain/reconciliation/journal"
	"github.com/benfex/kipay/domain/transaction"
	"github.com/benfex/kipay/eventstore"
)

const wanjiku = `{"email":"wanjiku@example.com","first_name":"Wanjiku","last_name":"Kamau","phone":"+254712345678"}`

// customer opens the customer of the body and answers the number.
func (w *world) customer(body string) int64 {
	w.t.Helper()
	status, raw := w.post("/api/customers/create", body, "Idempotency-Key", "customer "+body)
	var a struct{ Customer struct{ ID int64 } }
	if status/100 != 2 || json.Unmarshal([]byte(raw), &a) != nil || a.Customer.ID == 0 {
		w.t.Fatalf("customers/create: %d %s", status, raw)
	}
	w.assignIDs()
	return a.Customer.ID
}

// assignIDs does the reactor's work of pointing numbers to customers.
func (w *world) assignIDs() {
	w.t.Helper()
	for _, e := range w.events() {
		if c, ok := e.Event.(customer.Created); ok {
			if err := w.write.AssignCustomerID(w.t.Context(), c, commands.By{}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// events are all of the log, as they can be read now.
func (w *world) events() []eventstore.Envelope {
	w.t.Helper()
	var out []eventstore.Envelope
	for from := eventstore.Position(0); ; {
		records, err := w.store.ReadAll(context.Background(), from, eventstore.Forward, 500)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(records) == 0 {
			return out
		}
		for _, r := range records {
			e, err := w.log.Decode(context.Background(), r)
			if err != nil {
				w.t.Fatal(err)
			}
			out, from = append(out, e), r.Position
		}
	}
}

// known tells which of the texts can still be read in the log, opened.
func (w *world) known(texts ...string) []string {
	w.t.Helper()
	raw, err := json.Marshal(w.events())
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, text := range texts {
		if strings.Contains(string(raw), text) {
			out = append(out, text)
		}
	}
	return out
}

func (w *world) erase(id int64, body string, headers ...string) (int, string) {
	w.t.Helper()
	return w.post("/api/customers/"+strconv.FormatInt(id, 10)+"/erase", body, headers...)
}

func (w *world) keep(years map[string]int) {
	w.t.Helper()
	if _, err := w.write.SetRetention(w.t.Context(), years); err != nil {
		w.t.Fatal(err)
	}
}

const conflict = 400 + int(domain.CodeConflict)

func TestCustomerIsErasedAndNothingOpensWhatWasSealed(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(wanjiku)
	if status, raw := w.erase(id, `{"reason":"Wanjiku asked"}`); status != 400+int(domain.CodeInvalid) || !strings.Contains(raw, "reason") {
		t.Errorf("a reason that names her: %d %s", status, raw)
	}
	if status, _ := w.erase(id+1000, `{"reason":"request 1"}`); status != 400+int(domain.CodeNotFound) {
		t.Errorf("nobody: %d", status)
	}
	status, raw := w.erase(id, `{"reason":"request 1"}`)
	if status != 200 || !strings.Contains(raw, `"state":"erased"`) {
		t.Fatalf("%d %s", status, raw)
	}
	if left := w.known("wanjiku", "Wanjiku", "Kamau", "712345678"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
	if len(w.known("request 1")) == 0 {
		t.Error("the reason went too")
	}
	if again, raw := w.erase(id, `{"reason":"request 1"}`); again != 200 {
		t.Errorf("again: %d %s", again, raw)
	}
	// The twin of the request that opened her gets no stale answer, and no crash.
	if status, raw := w.post("/api/customers/create", wanjiku, "Idempotency-Key", "customer "+wanjiku); status != conflict || !strings.Contains(raw, "erased") {
		t.Errorf("the twin: %d %s", status, raw)
	}
	// She may come back, under the same number and with what she gives now.
	if status, raw := w.post("/api/customers/create", `{"email":"wanjiku@example.com"}`); status != 200 || !strings.Contains(raw, `"id":`+strconv.FormatInt(id, 10)) || strings.Contains(raw, "Kamau") {
		t.Errorf("back: %d %s", status, raw)
	}
}

func TestErasureReachesPaymentsWithKeysOfTheirOwn(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	w.keep(map[string]int{"tax": 0, "aml": 0})
	id := w.customer(wanjiku)
	ref, url := w.push("ORDER123") // from her phone, by name of nobody
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	w.mustPost("/mpesa/confirmation", confirmation("order 123", "QGR7I8K2LM", "1000.00"))
	w.clock.pass(time.Minute)
	if got := w.known(w.checkout, "254712345678", "JOHN"); len(got) != 3 {
		t.Fatalf("only %q was there to erase", got)
	}
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	if left := w.known("wanjiku", "712345678", "JOHN", "ORDER123", w.checkout); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
	s := w.state(ref)
	if s.Status() != transaction.StatusCompleted || s.Receipt() != "QGR7I8K2LM" || s.Received().Major() != 1000 || s.Credited.Major() != 1000 {
		t.Errorf("the payment is %s, %s, %s", s.Status(), s.Receipt(), s.Received())
	}

	// Looking after what was said before changes nothing.
	before := len(w.events())
	if err := w.write.EraseLate(t.Context(), ref, commands.By{}); err != nil || len(w.events()) != before {
		t.Errorf("erased once more: %v", err)
	}
	// What the provider says again, later, counts and is erased at once.
	w.mustPost(url, strings.Replace(paid(w.checkout, "QGR7I8K2LM"), `"ResultDesc":"ok"`, `"ResultDesc":"again"`, 1))
	if len(w.known("254712345678")) == 0 {
		t.Fatal("nothing was said again")
	}
	if err := w.write.EraseLate(t.Context(), ref, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if left := w.known("712345678"); len(left) > 0 {
		t.Error("the late notice stays")
	}
}

func TestErasureWaitsForRulesHoldsAndPayments(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(wanjiku)
	_, url := w.push("ORDER123")
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != conflict || !strings.Contains(raw, "under way") {
		t.Errorf("while she is asked: %d %s", status, raw)
	}
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != conflict || !strings.Contains(raw, "aml keeps it until 2033-11-23") || !strings.Contains(raw, "tax") {
		t.Errorf("while rules keep it: %d %s", status, raw)
	}
	hold, err := w.write.PlaceHold(t.Context(), id, "Wanjiku v. Duka")
	if err != nil {
		t.Fatal(err)
	}
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != conflict || !strings.Contains(raw, "legal hold "+strconv.FormatInt(hold, 10)) {
		t.Errorf("while a hold stands: %d %s", status, raw)
	}
	status, raw := w.erase(id, `{"reason":"request 1","schedule":true}`)
	if status != 202 || !strings.Contains(raw, `"scheduled":true`) || !strings.Contains(raw, `"when":"2033-11-23`) {
		t.Fatalf("scheduled: %d %s", status, raw)
	}
	carryOut := func() {
		t.Helper()
		if err := w.write.CarryOutDue(t.Context(), false, commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	still := func(when string) {
		t.Helper()
		if len(w.known("Wanjiku")) == 0 {
			t.Fatal("erased " + when)
		}
	}
	carryOut()
	still("before it was due")
	w.clock.pass(8 * 365 * 24 * time.Hour)
	carryOut()
	still("while the hold stood")
	var holds []commands.StandingHold
	if err := w.write.EachHold(t.Context(), func(h commands.StandingHold) error { holds = append(holds, h); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(holds) != 1 || holds[0].CustomerID != id || holds[0].Reason != "Wanjiku v. Duka" {
		t.Errorf("holds %+v", holds)
	}
	if err := w.write.ReleaseHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	carryOut()
	if left := w.known("wanjiku", "Wanjiku", "712345678"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
}

func TestChangedRulesSetOffScheduledErasures(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(wanjiku)
	_, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	if status, raw := w.erase(id, `{"reason":"request 1","schedule":true}`); status != 202 {
		t.Fatalf("scheduled: %d %s", status, raw)
	}
	w.keep(map[string]int{"aml": 0})
	if err := w.write.CarryOutDue(t.Context(), true, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if len(w.known("Wanjiku")) == 0 {
		t.Fatal("erased while the rule for tax keeps it")
	}
	w.keep(map[string]int{"tax": 0})
	if err := w.write.CarryOutDue(t.Context(), true, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if left := w.known("Wanjiku"); len(left) > 0 {
		t.Error("nothing was set off")
	}
}

func TestAScheduledErasureIsCarriedOutWhenTheReasonHasComeToNameTheCustomer(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(`{"email":"wanjiku@example.com"}`)
	hold, err := w.write.PlaceHold(t.Context(), id, "a case")
	if err != nil {
		t.Fatal(err)
	}
	if status, raw := w.erase(id, `{"reason":"as Njeri asked","schedule":true}`); status != 202 {
		t.Fatalf("scheduled: %d %s", status, raw)
	}
	w.customer(`{"email":"wanjiku@example.com","last_name":"Njeri"}`)
	w.customer(`{"email":"wanjiku@example.com","last_name":"Kamau"}`)
	if status, raw := w.erase(id, `{"reason":"as Njeri asked"}`); status != 400+int(domain.CodeInvalid) {
		t.Errorf("with a name of before: %d %s", status, raw)
	}
	if err := w.write.ReleaseHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	if err := w.write.CarryOutDue(t.Context(), false, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if left := w.known("wanjiku", "Kamau"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
}

// Wherever a crash breaks it off, the reactor ends it.
func TestErasureThatWasBrokenOffIsFinished(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(wanjiku)
	var hash string
	for _, e := range w.events() {
		if c, ok := e.Event.(customer.Created); ok && c.ID == id {
			hash = c.Hash
		}
	}
	if _, err := commands.Handle[customer.State](t.Context(), w.write, customer.Stream(hash), customer.Erase{Reason: "request 1", At: w.log.Now()}, commands.By{Merchant: w.merchant}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.write.ResumeErasure(t.Context(), hash, commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	erased := 0
	for _, e := range w.events() {
		if _, ok := e.Event.(customer.Erased); ok {
			erased++
		}
	}
	if left := w.known("Wanjiku", "wanjiku"); len(left) > 0 || erased != 1 {
		t.Errorf("the log tells %q, erased %d times", left, erased)
	}
}

func TestATestKeyDoesNotEraseWhoPaidForReal(t *testing.T) {
	w := newWorld(t, "production")
	w.keep(map[string]int{"tax": 0, "aml": 0})
	id := w.customer(wanjiku)
	_, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	w.mode = domain.ModeTest
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 400+int(domain.CodeForbidden) {
		t.Errorf("by a test key: %d %s", status, raw)
	}
	w.mode = domain.ModeLive
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 200 {
		t.Errorf("by a live key: %d %s", status, raw)
	}
}

func TestAScheduleOfATestKeyDoesNotEraseWhoHasPaidForRealSince(t *testing.T) {
	w := newWorld(t, "production")
	w.keep(map[string]int{"tax": 0, "aml": 0})
	id := w.customer(wanjiku)
	hold, err := w.write.PlaceHold(t.Context(), id, "a case")
	if err != nil {
		t.Fatal(err)
	}
	scheduled := func(mode domain.Mode) {
		t.Helper()
		w.mode = mode
		defer func() { w.mode = domain.ModeLive }()
		if status, raw := w.erase(id, `{"reason":"request 1","schedule":true}`, "Idempotency-Key", "by "+string(mode)); status != 202 {
			t.Fatalf("scheduled: %d %s", status, raw)
		}
	}
	scheduled(domain.ModeTest)
	_, url := w.push("ORDER123")
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LM"))
	if err := w.write.ReleaseHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.write.CarryOutDue(t.Context(), false, commands.By{}); err != nil {
			t.Fatal(err)
		}
	}
	cancelled := 0
	for _, e := range w.events() {
		if _, ok := e.Event.(customer.ErasureCancelled); ok {
			cancelled++
		}
	}
	if cancelled != 1 || len(w.known("Wanjiku")) == 0 {
		t.Fatalf("cancelled %d times, what is left: %q", cancelled, w.known("Wanjiku"))
	}
	// What a live key asks for, too, is carried out.
	if hold, err = w.write.PlaceHold(t.Context(), id, "a case"); err != nil {
		t.Fatal(err)
	}
	scheduled(domain.ModeLive)
	if err := w.write.ReleaseHold(t.Context(), hold); err != nil {
		t.Fatal(err)
	}
	if err := w.write.CarryOutDue(t.Context(), false, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if left := w.known("Wanjiku"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
}

// compare keeps a comparison in which each line's words are kept under a key of its own.
func (w *world) compare(id int64, mode domain.Mode, words ...string) {
	w.t.Helper()
	stream, at := journal.Stream(id), w.log.Now()
	find := journal.Find{}
	for i, text := range words {
		find.Found = append(find.Found, journal.DifferencesFound{ID: id, Subject: journal.LineKey(id, i+1), Words: domain.Personal(text), At: at, Differences: []journal.Difference{{
			N: i + 1, Line: i + 1, Cause: reconciliation.UnknownPayer, State: reconciliation.Open, At: at, Amount: money.Of(100, money.KES), Stated: money.Of(100, money.KES),
		}}})
	}
	for _, cmd := range []domain.Command[journal.State]{
		journal.Begin{Begun: journal.Begun{ID: id, Merchant: w.merchant, Mode: mode, Channel: 1, Source: reconciliation.SourceMpesa, Subject: stream, At: at}},
		find,
		journal.Conclude{Reconciled: journal.Reconciled{ID: id, Differences: len(words), At: at}},
	} {
		if _, err := commands.Handle(w.t.Context(), w.write, stream, cmd, commands.By{Merchant: w.merchant}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestErasureReachesTheWordsOfStatements(t *testing.T) {
	w := newWorld(t, "sandbox")
	id := w.customer(wanjiku)
	w.compare(1, domain.ModeTest, `{"party":"254712345678 - MAMA NJERI"}`, `{"party":"2547****678 - WANJIKU"}`, `{"party":"2547****678 - OTIENO ANDERSON"}`, `{"details":"RENT KAMAU WANJIKU"}`, `{"party":"2547****678 - MWK"}`)
	// Of the last, M-Pesa said more when it was asked.
	asked := receipt.StatusAsked{Number: "QGR7I8K2ZZ", Merchant: w.merchant, Mode: domain.ModeTest, Channel: 1, Item: journal.ItemID(1, 5), At: w.log.Now()}
	said := receipt.StatusAnswered{
		Number: asked.Number, Merchant: asked.Merchant, Mode: asked.Mode, Channel: 1, Item: asked.Item, Status: receipt.StatusCompleted, At: w.log.Now(),
		Subject: journal.LineKey(1, 5), Phone: "254712345678", Name: "M KAMAU", Digest: "d", Raw: "M KAMAU",
	}
	for _, cmd := range []domain.Command[receipt.State]{receipt.AskStatus{StatusAsked: asked}, receipt.AnswerStatus{StatusAnswered: said}} {
		if _, err := commands.Handle(w.t.Context(), w.write, receipt.Stream("sandbox", asked.Number), cmd, commands.By{Merchant: w.merchant}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.known("MWK", "M KAMAU")) != 2 {
		t.Fatal("nothing was planted")
	}
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != conflict || !strings.Contains(raw, "aml keeps it") {
		t.Fatalf("money moved, and no rule keeps it: %d %s", status, raw)
	}
	w.keep(map[string]int{"tax": 0, "aml": 0})
	w.compare(2, domain.ModeLive, `{"party":"254712345678 - MAMA NJERI"}`)
	if status, raw := w.erase(id, `{"reason":"request 1"}`); status != 400+int(domain.CodeForbidden) {
		t.Fatalf("a test key erases words about real money: %d %s", status, raw)
	}
	if _, _, err := w.write.EraseCustomer(t.Context(), commands.EraseOrder{Customer: id, Reason: "request 1"}, commands.By{}); err != nil {
		t.Fatal(err)
	}
	if left := w.known("MAMA NJERI", "WANJIKU", "MWK", "M KAMAU"); len(left) > 0 {
		t.Errorf("the log still tells %q", left)
	}
	if len(w.known("OTIENO ANDERSON")) == 0 {
		t.Error("the words about somebody else are gone")
	}
}
