package commands_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/benfex/kipay/commands"
	"github.com/benfex/kipay/domain"
	"github.com/benfex/kipay/domain/transaction"
)

// cardProvider is a Paystack that opens every page and verifies each as it is told to; untouched ones are abandoned.
type cardProvider struct {
	mu     sync.Mutex
	pages  []string
	status map[string]string
}

func (p *cardProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodPost {
		var body struct{ Reference string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		p.pages = append(p.pages, body.Reference)
		_, _ = fmt.Fprintf(w, `{"status":true,"message":"ok","data":{"authorization_url":"https://checkout.paystack.com/%s","access_code":"a","reference":%q}}`, body.Reference, body.Reference)
		return
	}
	reference := path.Base(r.URL.Path)
	status := p.status[reference]
	if status == "" {
		status = "abandoned"
	}
	_, _ = fmt.Fprintf(w, `{"status":true,"message":"ok","data":{"id":4099260516,"domain":"test","status":%q,"reference":%q,"amount":100000,"currency":"KES","channel":"card","paid_at":"2026-11-23T09:05:00.000Z"}}`, status, reference)
}

func (p *cardProvider) say(reference, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status == nil {
		p.status = map[string]string{}
	}
	p.status[reference] = status
}

// openCheckout opens a checkout of 1000 that may be paid by M-Pesa and by card.
func (w *world) openCheckout() transaction.Reference {
	w.t.Helper()
	if err := w.write.CreateChannelFor(w.t.Context(), w.merchant, []byte(`{"name":"cards","provider":"paystack","config":{"public_key":"pk_test_x","secret_key":"sk_test_x"}}`)); err != nil {
		w.t.Fatal(err)
	}
	status, body := w.post("/api/transactions/initialize", `{"amount":1000,"email":"jane@example.com"}`)
	var a struct{ Reference transaction.Reference }
	if status != 201 || json.Unmarshal([]byte(body), &a) != nil {
		w.t.Fatalf("initialize: %d %s", status, body)
	}
	return a.Reference
}

func (w *world) payByCard(ref transaction.Reference) {
	w.t.Helper()
	if _, err := w.write.PayByCard(w.t.Context(), string(ref)); err != nil {
		w.t.Fatal(err)
	}
}

// promptedThenCard is a checkout whose payer gave up waiting for a prompt, and was sent to a card page.
func (w *world) promptedThenCard() transaction.Reference {
	w.t.Helper()
	ref := w.openCheckout()
	if err := w.write.PayByMpesa(w.t.Context(), string(ref), "254712345678"); err != nil {
		w.t.Fatal(err)
	}
	w.clock.pass(3 * time.Minute)
	w.payByCard(ref)
	return ref
}

// Paystack calls a page failed while its customer may still try another card on it; the webhook of the second try can be
// lost like any other.
func TestCardThatIsPaidAfterAFirstRefusalIsFoundWithoutAWebhook(t *testing.T) {
	for name, ask := range map[string]func(*world, transaction.Reference) error{
		"by asking again": func(w *world, ref transaction.Reference) error {
			_, err := w.write.AskCardAttempt(t.Context(), ref, 1, commands.By{Actor: "test"})
			return err
		},
		"when the payer comes back": func(w *world, ref transaction.Reference) error { return w.write.CardReturned(t.Context(), string(ref)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref := w.openCheckout()
			w.payByCard(ref)
			w.cards.say(string(ref)+"-1", "failed")
			until, err := w.write.AskCardAttempt(t.Context(), ref, 1, commands.By{Actor: "test"})
			if err != nil {
				t.Fatal(err)
			}
			if s := w.state(ref); s.Attempts[0].Failure == nil || s.Status() != transaction.StatusPending {
				t.Fatalf("the refusal is not noted: %+v", s)
			}
			if until.IsZero() {
				t.Error("the page is not asked after any more")
			}
			w.cards.say(string(ref)+"-1", "success")
			if err := ask(w, ref); err != nil {
				t.Fatal(err)
			}
			if s := w.state(ref); s.Status() != transaction.StatusCompleted || s.Credited.Major() != 1000 {
				t.Errorf("%s, credited %s", s.Status(), s.Credited)
			}
		})
	}
}

// The payer opened a card page, went back, and the prompt on the phone was answered after all: the card button of a page
// that is still on the screen must not lead to a second payment.
func TestOpenCardPageIsNotOfferedForAPaymentThatIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		over   func(w *world, ref transaction.Reference)
		reason string
	}{
		"paid meanwhile": {func(w *world, _ transaction.Reference) {
			pushes := w.daraja.pushed()
			url, _ := pushes[0]["CallBackURL"].(string)
			w.mustPost(url[len("https://pay.example.com"):], paid("ws_CO_1", "QGR7I8K2LM"))
		}, "completed"},
		"expired": {func(w *world, ref transaction.Reference) {
			w.clock.pass(2 * time.Hour)
			if _, err := w.write.Expire(w.t.Context(), ref, commands.By{Actor: "test"}); err != nil {
				w.t.Fatal(err)
			}
		}, transaction.FailureExpired},
		"out of time, not closed yet": {func(w *world, _ transaction.Reference) { w.clock.pass(2 * time.Hour) }, transaction.FailureExpired},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sandbox")
			ref := w.promptedThenCard()
			w.payByCard(ref)
			if n := len(w.cards.pages); n != 1 {
				t.Fatalf("%d pages for one card payment that waits", n)
			}
			c.over(w, ref)
			url, err := w.write.PayByCard(t.Context(), string(ref))
			wantConflict(t, err, c.reason)
			if url != "" {
				t.Errorf("the payer is sent to %s", url)
			}
		})
	}
}

func wantConflict(t *testing.T, err error, reason string) {
	t.Helper()
	var known *domain.Error
	if !errors.As(err, &known) || known.Code != domain.CodeConflict || known.Reason != reason {
		t.Errorf("failed with %v; want a conflict, %s", err, reason)
	}
}
