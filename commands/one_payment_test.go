package commands_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain/receipt"
	"github.com/benfex/kipay/domain/transaction"
)

// The same M-Pesa receipt comes through two doors, in every order and with every pause: one payment.
func TestSameReceiptThroughTwoDoorsIsOnePayment(t *testing.T) {
	stk := func(w *world, url string) { w.mustPost(url, paid(w.checkout, "QGR7I8K2LM")) }
	c2b := func(w *world, _ string) {
		w.mustPost("/mpesa/confirmation", confirmation("order 123", "QGR7I8K2LM", "1000.00"))
	}
	wait := func(w *world, _ string) { w.clock.pass(time.Minute); w.settle("QGR7I8K2LM") }
	query := func(w *world, _ string) { w.daraja.say("0"); w.askAll() }
	for name, steps := range map[string][]func(*world, string){
		"callback, confirmation":             {stk, c2b},
		"confirmation, callback":             {c2b, stk},
		"confirmation stood alone, callback": {c2b, wait, stk},
		"repeated":                           {c2b, stk, c2b, stk, wait, stk},
		"query, confirmation, no callback":   {query, c2b, wait},
		"confirmation, query, no callback":   {c2b, query, wait},
		"query, both":                        {query, stk, c2b, wait},
		"alone, query, callback":             {c2b, wait, query, stk, wait},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.route()
			ref, url := w.push("ORDER123")
			for _, step := range steps {
				step(w, url)
			}
			all := w.listed()
			s, ok := all[ref]
			if len(all) != 1 || !ok {
				t.Fatalf("%d payments are listed, want the push alone: %v", len(all), all)
			}
			if s.Status() != transaction.StatusCompleted || s.Receipt() != "QGR7I8K2LM" || s.Received().Major() != 1000 || s.Credited.Major() != 1000 || s.Surplus.Minor != 0 {
				t.Errorf("%s %s received %s credited %s surplus %s", s.Status(), s.Receipt(), s.Received(), s.Credited, s.Surplus)
			}
		})
	}
}

// Two doors that name two amounts for one receipt: the first word counts, and the contradiction is kept for a person.
func TestTwoAmountsOfOneReceiptAreAConflict(t *testing.T) {
	stk := func(w *world, url string) { w.mustPost(url, paid(w.checkout, "QGR7I8K2LM")) }
	c2b := func(w *world, _ string) {
		w.mustPost("/mpesa/confirmation", confirmation("order 123", "QGR7I8K2LM", "999.00"))
	}
	for name, steps := range map[string][]func(*world, string){
		"callback, confirmation": {stk, c2b},
		"confirmation, callback": {c2b, stk},
		"repeated":               {c2b, stk, c2b, stk},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.route()
			ref, url := w.push("ORDER123")
			for _, step := range steps {
				step(w, url)
			}
			s := w.state(ref)
			if all := w.listed(); len(all) != 1 || s.Status() != transaction.StatusCompleted || s.Credited.Major() != 1000 || s.Surplus.Minor != 0 {
				t.Errorf("%d listed, %s, credited %s, surplus %s", len(all), s.Status(), s.Credited, s.Surplus)
			}
			if len(s.Conflicts) != 1 || s.Conflicts[0].Kind != transaction.ConflictAmount || s.Conflicts[0].Receipt != "QGR7I8K2LM" {
				t.Errorf("conflicts %+v", s.Conflicts)
			}
		})
	}
}

// A push was confirmed by query; its receipt, which only the C2B confirmation names, was moved to it, and the node stopped
// before it stood in the payment.
func TestReceiptThatACrashLeftBetweenItsOwnerAndItsPaymentIsFinished(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	ref, _ := w.push("ORDER123")
	w.mustPost("/mpesa/confirmation", confirmation("order 123", "QGR7I8K2LM", "1000.00"))
	w.clock.pass(time.Minute)
	w.settle("QGR7I8K2LM")
	w.daraja.say("0")
	w.askAll()
	if _, err := commands.Handle[receipt.State](t.Context(), w.write, receipt.Stream("mpesa.sandbox", "QGR7I8K2LM"), receipt.Claim{
		Provider: "mpesa", Number: "QGR7I8K2LM", Transaction: string(ref), Attempt: 1, Door: "c2b", Asked: true, At: w.clock.now(),
	}, commands.By{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.settle("QGR7I8K2LM")
		s := w.state(ref)
		if all := w.listed(); len(all) != 1 || s.Receipt() != "QGR7I8K2LM" || s.Credited.Major() != 1000 || s.Surplus.Minor != 0 || len(s.Conflicts) != 0 {
			t.Errorf("%d listed; receipt %q, credited %s, surplus %s, %v", len(all), s.Receipt(), s.Credited, s.Surplus, s.Conflicts)
		}
	}
}

func TestConfirmationThatFitsNothingStandsAlone(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.route()
	ref, url := w.push("ORDER123")
	w.mustPost("/mpesa/confirmation", confirmation("somebody else", "QGR7I8K2LM", "1000.00"))
	w.mustPost("/mpesa/confirmation", confirmation("order123", "QGR7I8K2LN", "999.00")) // another amount
	w.mustPost(url, paid(w.checkout, "QGR7I8K2LP"))
	all := w.listed()
	if len(all) != 3 || all[ref].Status() != transaction.StatusCompleted {
		t.Fatalf("%v", all)
	}
	for _, s := range all {
		if s.Status() != transaction.StatusCompleted {
			t.Errorf("%s is %s", s.Reference, s.Status())
		}
	}
}

// Anybody can post where no token is asked for: in production that credits nothing until a door says it that only the
// provider knows, and then for the provider's amount.
func TestUnconfirmedNoticeInProductionCreditsNothing(t *testing.T) {
	w := newWorld(t, "production")
	w.mustPost("/mpesa/confirmation", confirmation("X", "QGR7I8K2LM", "90000.00"))
	all := w.listed()
	if len(all) != 1 {
		t.Fatalf("%v", all)
	}
	for _, s := range all {
		if s.Status() != transaction.StatusPending || s.Credited.Minor != 0 || len(s.Payments) != 0 {
			t.Errorf("%+v", s)
		}
	}
	w.mustPost(w.c2bToken(), confirmation("X", "QGR7I8K2LM", "90.00"))
	all = w.listed()
	if len(all) != 1 {
		t.Fatalf("the stranger's notice is listed beside the payment: %v", all)
	}
	for _, s := range all {
		if s.Status() != transaction.StatusCompleted || s.Credited.Major() != 90 || s.Surplus.Minor != 0 || s.Amount.Major() != 90 {
			t.Errorf("%s of %s credited %s", s.Status(), s.Amount, s.Credited)
		}
	}
}

func TestCallbackRepeatedAtOnceCountsOnce(t *testing.T) {
	w := newWorld(t, "sandbox")
	ref, url := w.push("ORDER123")
	var g sync.WaitGroup
	for range 32 {
		g.Go(func() {
			if status, body := w.post(url, paid(w.checkout, "QGR7I8K2LM")); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	g.Wait()
	if s := w.state(ref); len(s.Payments) != 1 || s.Credited.Major() != 1000 || len(s.Conflicts) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTwinsOfAPushPromptOnce(t *testing.T) {
	w := newWorld(t, "sandbox")
	w.daraja.hold = make(chan struct{})
	answers := make([]string, 16)
	var g sync.WaitGroup
	for i := range answers {
		g.Go(func() {
			status, body := w.post("/api/mpesa/stk-push", `{"amount":1000,"phone_number":"254712345678"}`, "Idempotency-Key", "one")
			answers[i] = fmt.Sprint(status, body)
		})
	}
	for len(w.daraja.pushed()) == 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("no push came")
		case <-time.After(time.Millisecond):
		}
	}
	close(w.daraja.hold)
	g.Wait()
	if n := len(w.daraja.pushed()); n != 1 {
		t.Errorf("%d prompts", n)
	}
	for _, a := range answers {
		if a != answers[0] || a[:3] != "200" {
			t.Errorf("%s\n%s", answers[0], a)
		}
	}
	if status, _ := w.post("/api/mpesa/stk-push", `{"amount":1001,"phone_number":"254712345678"}`, "Idempotency-Key", "one"); status != 406 {
		t.Errorf("another body under the key: %d", status)
	}
}

// Two nodes share one store: what one changes, the other must not answer from memory for long.
func TestRevokedKeyIsRefusedOnEveryNode(t *testing.T) {
	w := newWorld(t, "sandbox")
	key, err := w.write.IssueKey(t.Context(), w.merchant, "test", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	other := w.node()
	go func() { _ = other.Follow(t.Context()) }()
	if _, err := other.Authenticate(t.Context(), key.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := w.write.RevokeKey(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(10 * time.Second)
	for {
		if _, err := other.Authenticate(t.Context(), key.Key); err != nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal("the key is still taken")
		case <-time.After(time.Millisecond):
		}
	}
}

func (w *world) mustPost(path, body string) {
	w.t.Helper()
	if status, answer := w.post(path, body); status != 200 {
		w.t.Fatalf("POST %s: %d %s", path, status, answer)
	}
}

// route gives the shortcode's open door to the channel.
func (w *world) route() {
	w.t.Helper()
	w.mustPost("/api/mpesa/register-c2b-urls", `{"payment_channel_id":1}`)
}

func (w *world) settle(receipt string) {
	w.t.Helper()
	if _, err := w.write.SettleReceipt(w.t.Context(), "mpesa.sandbox", receipt, commands.By{Actor: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

// askAll asks after every push.
func (w *world) askAll() {
	w.t.Helper()
	for ref, s := range w.listed() {
		for n := range s.Attempts {
			if _, err := w.write.AskStatus(w.t.Context(), ref, n+1, commands.By{Actor: "test"}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// c2bToken is the channel's own confirmation URL, as the registration in production chooses it.
func (w *world) c2bToken() string {
	w.t.Helper()
	w.route()
	pushes := w.daraja.pushed()
	url, _ := pushes[len(pushes)-1]["ConfirmationURL"].(string)
	return url[len("https://pay.example.com"):]
}

const cancelled = `{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_1","ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`

// The payer cancels before Daraja's answer to the push is here: the push was taken all the same, and every twin is told so.
func TestCancellationThatOvertakesTheAnswerIsNoRefusal(t *testing.T) {
	const body = `{"amount":1000,"phone_number":"254712345678"}`
	for name, answered := range map[string]bool{"answered later": true, "the answer is lost": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			w.daraja.be(func(d *daraja) { d.hold, d.cut = make(chan struct{}), !answered })
			first := make(chan string, 1)
			go func() {
				status, answer := w.post("/api/mpesa/stk-push", body, "Idempotency-Key", "one")
				first <- fmt.Sprint(status, answer)
			}()
			var pushes []map[string]any
			for len(pushes) == 0 {
				select {
				case <-t.Context().Done():
					t.Fatal("no push came")
				case <-time.After(time.Millisecond):
					pushes = w.daraja.pushed()
				}
			}
			url, _ := pushes[0]["CallBackURL"].(string)
			w.mustPost(url[len("https://pay.example.com"):], cancelled)
			if early := w.postFor(300*time.Millisecond, "/api/mpesa/stk-push", body, "Idempotency-Key", "one"); early != "" {
				t.Errorf("a twin is told before anything is known: %s", early)
			}
			close(w.daraja.hold)
			one := <-first
			w.clock.pass(2 * time.Minute)
			status, answer := w.post("/api/mpesa/stk-push", body, "Idempotency-Key", "one")
			if two := fmt.Sprint(status, answer); one[:3] != "200" || two != one {
				t.Errorf("one is told %s\nthe other %s", one, two)
			}
			for ref, s := range w.listed() {
				if code, _, _ := s.Failure(); s.Status() != transaction.StatusFailed || code != "cancelled_by_user" {
					t.Errorf("%s is %s, %q", ref, s.Status(), code)
				}
			}
		})
	}
}
